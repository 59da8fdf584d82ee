// The page to write in: it has the text checked while it is written, and shows what was found.
import { Editor } from "./editor.js";

const state = JSON.parse(document.getElementById("state").textContent);
const by = (id) => document.getElementById(id);
const PAGE = crypto.randomUUID?.() ?? String(Math.random()); // no randomUUID over plain HTTP in a network
const PAUSE = { text: 120, code: 800 }; // milliseconds without a key before a text is checked
const QUIET = 1200; // before the line that is being written is found fault with
const AGAIN = 1500; // before a server that is busy or gone is asked again
const MOST = 1_000_000; // characters of a text
const DRAFT = "tinyad-text:"; // where the browser keeps a text that is not saved, and a name for it
const DRAFTS = 20; // at most
const TAB = "tinyad-tab"; // where a tab keeps the name of its draft, so that it has its text when it is loaded again
const TEMPLATES = {
  "derivation.md": `# A layer of a network

\`\`\`declare
layout: same
W: N×M
x: M×1
given: ∇h
\`\`\`
\`\`\`forward
1. z = W x
2. h = tanh(z)
\`\`\`
\`\`\`backward
1. ∇z = ∇h ∘ (1 - h²)
2. ∇W = ∇z xᵀ
3. ∇x = Wᵀ ∇z
\`\`\`
`,
  "derivation.tex": `\\documentclass{article}
\\begin{document}
% tinyad: declare
%   W: N×M
%   x: M×1
%   given: \\nabla_h L
\\begin{align}
  z &= W x \\\\
  h &= \\tanh(z)
\\end{align}
\\begin{align}
  \\nabla_z L &= \\nabla_h L \\odot (1 - h^2) \\\\
  \\nabla_W L &= \\nabla_z L \\, x^\\top \\\\
  \\nabla_x L &= W^\\top \\nabla_z L
\\end{align}
\\end{document}
`,
  "backward.py": `import numpy as np


def forward(X, W, b):
    Z = X @ W + b
    H = np.tanh(Z)
    return H, (X, W, H)


def backward(dH, cache):
    X, W, H = cache
    dZ = dH * (1 - H**2)
    dX = dZ @ W.T
    dW = X.T @ dZ
    db = dZ.sum(axis=0)
    return dX, dW, db


def example():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 5)), rng.normal(size=(5, 4)), rng.normal(size=4)
`,
};

// The text that is open: its name, where it is on the disk, whether its code may run, and an exercise in it
const open = { name: "derivation.md", version: null, runs: true, saved: true, answer: null };
const isCode = () => open.name.toLowerCase().endsWith(".py");

// What is said at the bottom is read aloud; a dialog has such a line of its own, for behind it all is silent
let later = 0;
const say = (text) => {
  clearTimeout(later);
  by("status").textContent = text;
  const inside = document.querySelector("dialog[open] .said");
  if (inside) inside.textContent = text;
};
const sayLater = (text, pause = 700) => {
  clearTimeout(later);
  later = setTimeout(() => {
    if (by("status").textContent !== text) by("status").textContent = text; // nothing is read aloud twice
  }, pause);
};

// The server

const sent = () => ({ name: open.name, text: editor.text, file: open.version !== null });
class Trouble extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}
const GONE = "The server does not answer; the text is kept in this browser.";

const ask = async (path, given, method = given === undefined ? "GET" : "POST") => {
  const body = given === undefined ? undefined : JSON.stringify(given);
  let response;
  try {
    response = await fetch(path, { method, body, headers: body ? { "content-type": "application/json" } : {} });
  } catch {
    throw new Trouble(GONE);
  }
  if (response.status === 403 && !response.headers.get("content-type")?.includes("json")) {
    throw new Trouble("The server was started again: open the address that it has printed. The text is kept here.");
  }
  return response;
};
const answerOf = async (...request) => {
  const response = await ask(...request);
  const answer = await response.json().catch(() => ({ message: `The server answers with ${response.status}.` }));
  if (answer.state !== "done") throw new Trouble(answer.message, response.status);
  return answer;
};
const path = (name) => {
  const parts = name.split("/");
  if (parts.some((part) => ["", ".", ".."].includes(part))) throw new Trouble(`${name} is no name of a file.`);
  return parts.map(encodeURIComponent).join("/");
};
const attempt = (work) => async (...given) => {
  try {
    await work(...given);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    if (document.querySelector("dialog[open]")) say(error.message);
    else tell(error.message);
  }
};

// Checks: the newest text is the one that counts

let number = 0;
let waiting = 0;
let quiet = 0;
let shownOnce = false;
let summary = "";
let elsewhere = null; // a mistake in a file that the text includes

const checkLater = (pause = PAUSE[isCode() ? "code" : "text"]) => {
  clearTimeout(waiting);
  number += 1;
  waiting = setTimeout(check, pause);
};

const FOREIGN = "This code came with a link. Read it: checking it runs it on this computer.";
const mayNotRun = () => isCode() && state.code && !open.runs;

const check = async () => {
  const mine = ++number;
  if (open.answer) return; // an exercise: no verdicts
  if (mayNotRun()) {
    clear(FOREIGN, ["Run it", () => {
      open.runs = true;
      keep();
      checkLater(0);
    }]);
    return;
  }
  const { text } = editor;
  if (!text.trim()) {
    clear("Nothing is written yet. “Open” has examples.");
    return;
  }
  if (text.length > MOST) {
    clear(`The text has more than ${MOST.toLocaleString("en")} characters, and is not checked.`);
    return;
  }
  try {
    const response = await ask("/check", { ...sent(), page: PAGE });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (mine !== number) return;
      rest += value ?? "";
      const lines = rest.split("\n");
      rest = lines.pop();
      if (done && rest) lines.push(rest);
      for (const line of lines) present(JSON.parse(line));
      if (done) return;
    }
  } catch (error) {
    if (mine !== number) return;
    sayLater(error instanceof Trouble ? error.message : GONE, 0);
    waiting = setTimeout(check, AGAIN);
  }
};

const present = (answer) => {
  if (answer.state === "superseded") return;
  if (answer.state === "busy") {
    sayLater(answer.message);
    waiting = setTimeout(check, AGAIN);
    return;
  }
  if (answer.state !== "done") {
    unread(answer);
    return;
  }
  editor.show(answer.findings);
  elsewhere = answer.findings.find(({ file, kind }) => file && kind !== "good");
  calm = null;
  by("searching").hidden = answer.suggested;
  notice("");
  by("found").classList.remove("stale");
  const page = document.createElement("div");
  page.innerHTML = answer.page; // escaped by the server; the policy of the page lets no script in it run
  dress(page, answer);
  morph(by("found"), page);
  shownOnce = true;
  summary = answer.summary;
  sayLater(summary);
  here();
  draw();
};

// The text cannot be read: while its line is being written, that is no fault
let calm = null; // what is said about the text when its author leaves the line
const unread = (answer) => {
  const { message, at, state: why } = answer;
  editor.stale();
  by("searching").hidden = by("take").hidden = true;
  by("found").classList.toggle("stale", shownOnce);
  calm = shownOnce && why === "unreadable" && editor.written && !at.file ? answer : null;
  if (calm) {
    summary = `Line ${editor.written} is not read yet: ${message}`;
    notice(`Line ${editor.written} is not read yet.`);
    sayLater(summary, 2500);
    return;
  }
  const place = at && why === "unreadable" ? at : null;
  const where = place ? `${place.file ? `${place.file}, line` : "Line"} ${place.line}: ` : "";
  const bare = why === "unreadable" && !isCode() && !/```|\\begin|\$\$/.test(editor.text);
  notice(where + message, { bad: why !== "refused" },
    at && !at.file && ["Go there", () => editor.goTo(editor.place(at).from)],
    bare && ["Put the blocks around it", () => editor.takeAll(inBlocks(editor.text))]);
  summary = where + message;
  sayLater(summary);
};

// Equations as they were copied from somewhere: those from the first derivative on are the backward pass
const inBlocks = (text) => {
  const lines = text.split("\n").filter((line) => line.trim());
  const first = lines.findIndex((line) => /=/.test(line));
  const derivative = /^[\s\d.()]*(∇|∂|δ|d[A-Za-z_]\w*\s*\+?=|d\w+\s*\/\s*d|\\nabla|\\delta|\\frac\s*\{\s*(\\partial|d))/;
  const found = lines.findIndex((line, k) => k >= first && derivative.test(line));
  const [before, back] = [Math.max(first, 0), found < 0 ? lines.length : found];
  const block = (kind, some) => `\`\`\`${kind}\n${some.join("\n")}\n\`\`\`\n`;
  const prose = lines.slice(0, before).map((line) => `${line}\n`).join("");
  return prose + block("forward", lines.slice(before, back)) + block("backward", lines.slice(back));
};

// What the check says about the whole text, and what is told about files and exercises: that stays until it is closed
const notice = (text, { bad = false } = {}, ...actions) => fill(by("notice"), text, bad, actions);
const tell = (text, ...actions) => {
  fill(by("told"), text, false, text ? [...actions, ["Close", () => tell("")]] : []);
  if (text) say(text);
};
const fill = (box, text, bad, actions) => {
  box.hidden = !text;
  box.classList.toggle("bad", bad);
  box.textContent = text;
  const buttons = document.createElement("p");
  buttons.className = "buttons";
  buttons.append(...actions.filter(Boolean).map(([label, run]) => button(label, run)));
  if (buttons.children.length) box.append(buttons);
};

const clear = (text, ...actions) => {
  calm = null;
  editor.show([]);
  by("found").replaceChildren();
  by("searching").hidden = by("take").hidden = true;
  shownOnce = false;
  summary = text;
  notice(text, {}, ...actions);
  sayLater(text, 0);
  draw();
};

const button = (label, run, name = "") => {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: label, className: name });
  made.addEventListener("click", run);
  return made;
};

// What was found, beside the text

// Buttons are told apart by what they do, so that `morph` keeps those that stay; one listener does it
const dress = (page, answer) => {
  answer.findings.forEach((finding, k) => {
    const line = page.querySelector(`#v${k}`);
    if (!line) return;
    line.dataset.finding = k;
    const number = line.cells[0];
    if (finding.file) {
      number.textContent = `${finding.file}, ${finding.line}`;
      return;
    }
    const link = Object.assign(document.createElement("button"), { type: "button", className: "link" });
    link.dataset.go = k;
    link.textContent = number.textContent;
    link.setAttribute("aria-label", `line ${number.textContent}, ${finding.verdict}`);
    number.replaceChildren(link);
    const suggestion = line.querySelector(".suggestion, .diff");
    if (finding.suggestion && suggestion) {
      const take = Object.assign(document.createElement("button"), { type: "button", className: "take", textContent: "Take it" });
      take.dataset.take = k;
      take.setAttribute("aria-label", `Take it: ${finding.suggestion}`);
      suggestion.append(take);
    }
  });
  const listed = [...page.querySelectorAll("li")];
  answer.proposed.forEach(({ text, behind }) => {
    const item = listed.find((one) => one.textContent === text);
    if (!item || behind.file) return;
    const add = Object.assign(document.createElement("button"), { type: "button", className: "take", textContent: "Add it" });
    add.dataset.add = JSON.stringify({ text, behind });
    item.append(" ", add);
  });
  if (answer.declarations) {
    const write = Object.assign(document.createElement("button"), { type: "button", textContent: "Write the declarations that were taken into the text" });
    write.dataset.declare = answer.declarations;
    page.querySelector("header")?.after(write);
  }
};

by("judged").addEventListener("click", (event) => {
  const { target } = event;
  const row = target.closest("[data-finding]");
  const on = target.closest("[data-take], [data-go], [data-add], [data-declare], a[href^='#v']");
  if (on?.matches("a")) {
    event.preventDefault(); // the fragment of the address may hold a text
    goTo(Number(on.getAttribute("href").slice(2)));
  } else if (on?.dataset.take) editor.take(editor.item(Number(on.dataset.take)));
  else if (on?.dataset.go) goTo(Number(on.dataset.go));
  else if (on?.dataset.add) {
    const { text, behind } = JSON.parse(on.dataset.add);
    editor.insertBehind(behind, text);
  } else if (on?.dataset.declare) editor.declare(on.dataset.declare);
  else if (row && target.closest("td:first-child")) goTo(Number(row.dataset.finding));
});
const goTo = (k) => editor.item(k) && editor.goTo(editor.item(k).from);

// Make one element like another, and leave alone what is the same: what is open stays open, the focus where it is
const morph = (old, now) => {
  const [before, after] = [[...old.childNodes], [...now.childNodes]];
  after.forEach((node, k) => {
    const there = before[k];
    if (!there) old.append(node);
    else if (there.nodeType !== node.nodeType || there.nodeName !== node.nodeName) there.replaceWith(node);
    else if (node.nodeType !== Node.ELEMENT_NODE) {
      if (there.data !== node.data) there.data = node.data;
    } else if (!there.isEqualNode(node)) {
      for (const { name } of [...there.attributes]) if (!node.hasAttribute(name) && name !== "open") there.removeAttribute(name);
      for (const { name, value } of [...node.attributes]) if (there.getAttribute(name) !== value) there.setAttribute(name, value);
      morph(there, node);
    }
  });
  before.slice(after.length).forEach((node) => node.remove());
};

// The line of the cursor, in what was found and for whoever listens
const here = () => {
  if (calm && !editor.written) unread(calm);
  const item = editor.here();
  for (const row of by("found").querySelectorAll("[data-finding]")) {
    const is = item && Number(row.dataset.finding) === item.number;
    if (is && !row.classList.contains("here") && matchMedia("(min-width: 50.01rem)").matches) row.scrollIntoView({ block: "nearest" });
    row.classList.toggle("here", Boolean(is));
    const one = editor.item(Number(row.dataset.finding));
    row.classList.toggle("calm", Boolean(one) && editor.kind(one) === "calm");
  }
  const { number } = editor.line;
  const kind = item && !editor.isStale ? editor.kind(item) : "";
  by("take").hidden = !["bad", "unsure"].includes(kind) || !item.suggestion;
  if (kind === "good") sayLater(`Line ${number}, ${item.verdict}. ${summary}`);
  else if (kind === "calm") sayLater(`Line ${number} is not read yet.`);
  else if (kind) {
    const taken = item.suggestion && `${item.grade}: ${item.suggestion} (Alt Enter takes it)`;
    sayLater([`Line ${number}, ${item.verdict}`, item.message, taken].filter(Boolean).join(". "));
  } else if (summary) sayLater(summary);
};

// The graph of the forward, when it is wanted

let drawnFor = null;
let drawings = 0;
const draw = async () => {
  by("drawing").hidden = !shownOnce || isCode();
  const { text } = editor;
  if (!by("drawing").open || by("drawing").hidden || text === drawnFor) return;
  drawnFor = text;
  const box = by("drawing").querySelector("div");
  let page = "";
  try {
    ({ page } = await answerOf("/drawing", sent()));
  } catch (error) {
    if (drawnFor === text) drawnFor = null;
    box.textContent = error.message;
    return;
  }
  if (drawnFor !== text) return;
  box.innerHTML = page || "<p>This forward is too long to be drawn.</p>";
  for (const inner of box.querySelectorAll("details.explored")) inner.open = true;
  drawings += 1;
  await import(`/static/explore.js?${drawings}`); // it makes live what is new
};
by("drawing").addEventListener("toggle", async () => {
  await draw();
  if (by("drawing").open) by("drawing").scrollIntoView({ block: "nearest" });
});

// The editor

const changed = () => {
  open.saved = false;
  title();
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    editor.paused();
    here();
  }, QUIET);
  checkLater();
  keepLater();
};

// The browser keeps the text of every tab, and those that were not saved when another one was opened

const allowed = (work, otherwise) => {
  try {
    return work();
  } catch {
    return otherwise; // no room, or the browser keeps nothing, or what it has cannot be read
  }
};
let tab = allowed(() => sessionStorage.getItem(TAB), null);
let keeping = 0;
let kept = true; // else the text is in the editor alone
const keepLater = () => {
  clearTimeout(keeping);
  keeping = setTimeout(keep, 400);
};
const keep = () => {
  clearTimeout(keeping);
  kept = allowed(() => {
    if (!tab) {
      tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
      drafts().sort((a, b) => a.saved - b.saved).slice(DRAFTS - 1).forEach(({ key }) => localStorage.removeItem(key));
    }
    sessionStorage.setItem(TAB, tab);
    localStorage.setItem(DRAFT + tab, JSON.stringify({ ...open, text: editor.text, when: Date.now() }));
    return true;
  }, false);
};
const draftAt = (key) => allowed(() => {
  const draft = JSON.parse(localStorage.getItem(key));
  return typeof draft.text === "string" && typeof draft.name === "string" ? { ...draft, key } : null;
}, null);
const drafts = () => allowed(() => Object.keys(localStorage), []).filter((key) => key.startsWith(DRAFT)).map(draftAt)
  .filter(Boolean).sort((a, b) => b.when - a.when);
const unsaved = () => drafts().filter(({ key, saved, text }) => !saved && text.trim() && key !== DRAFT + tab);
const taken = (draft) => {
  localStorage.removeItem(draft.key); // a tab that still has it keeps it again
  return draft;
};
addEventListener("pagehide", keep);
addEventListener("beforeunload", (event) => {
  keep();
  if (!kept && !open.saved) event.preventDefault();
});

const editor = new Editor(by("writing"), {
  completions: state.completions, nonce: state.nonce, say, changed, moved: () => here(),
  none: () => {
    if (open.answer) return "In an exercise no verdicts are shown.";
    if (!shownOnce || editor.isStale) return summary;
    return elsewhere ? `There is a mistake in ${elsewhere.file}, line ${elsewhere.line}.` : "There is no mistake.";
  },
});

const title = () => {
  by("name").value = open.name;
  document.title = `${open.saved ? "" : "• "}${open.name} – tinyad`;
};
let shows = 0; // how many texts have been opened
const show = (name, text, { version = null, runs = true, saved = true, answer = null } = {}) => {
  if (text.length > MOST) throw new Trouble(`${name} has more than ${MOST.toLocaleString("en")} characters.`);
  if (!open.saved) {
    keep();
    tab = null; // what was not saved stays where it is
  }
  shows += 1;
  Object.assign(open, { name, version, runs, saved, answer });
  shownOnce = false;
  by("found").replaceChildren();
  editor.replaceAll(text, name);
  title();
  notice("");
  tell("");
  keep();
  if (answer) beginExercise();
  else checkLater(0);
};
const showDraft = ({ name, text, ...rest }) => show(name, text, rest);
by("name").addEventListener("change", () => {
  const name = by("name").value.trim() || "derivation.md";
  Object.assign(open, { name, version: null, saved: false });
  editor.setLanguage(name);
  title();
  checkLater(0);
  keep();
});
by("next").addEventListener("click", () => editor.next(1));
by("take").addEventListener("click", () => editor.takeHere());
by("sizes").addEventListener("click", () => {
  const all = by("judged").classList.toggle("sizes");
  by("sizes").setAttribute("aria-pressed", all);
});

// The palette is one stop of the Tab key; arrow keys go on from there

const signs = [...by("signs").querySelectorAll("button")];
signs.forEach((one, k) => {
  one.tabIndex = k ? -1 : 0;
  one.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the text
  one.addEventListener("click", () => editor.insert(one.dataset.sign));
});
by("signs").addEventListener("keydown", (event) => {
  const at = signs.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined || at < 0) return;
  const next = signs.at(to % signs.length);
  signs[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  event.preventDefault();
});

// Open

const raise = (id) => {
  by(id).querySelector(".said").textContent = "";
  by(id).showModal();
};
const close = () => document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
for (const one of document.querySelectorAll("[data-dialog]")) {
  one.addEventListener("click", () => {
    raise(one.dataset.dialog);
    if (one.dataset.dialog === "opening") {
      listUnsaved();
      attempt(listFolder)();
    }
  });
}
const list = (box, names, run) => {
  box.hidden = !names.length;
  box.querySelector("ul").replaceChildren(...names.map((name, k) => {
    const item = document.createElement("li");
    item.append(button(name, () => run(name, k)));
    return item;
  }));
};
const listUnsaved = () => {
  const all = unsaved();
  const time = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
  list(by("unsaved"), all.map(({ name, when }) => `${name}, ${time.format(when)}`), attempt((_, k) => {
    close();
    showDraft(taken(all[k]));
  }));
};
const listFolder = async () => {
  if (!state.disk) return;
  list(by("folder"), (await answerOf("/files")).names, openFile);
};
const openFile = attempt(async (name) => {
  const { text, version } = await answerOf(`/files/${path(name)}`);
  close();
  show(name, text, { version });
});
const openExample = attempt(async (name) => {
  const { text } = await answerOf(`/examples/${path(name)}`);
  close();
  show(`${name}.md`, text);
});
list(by("examples"), state.examples, openExample);
for (const one of document.querySelectorAll("[data-new]")) {
  one.addEventListener("click", () => {
    close();
    show(one.dataset.new, TEMPLATES[one.dataset.new]);
    editor.view.focus();
  });
}
by("choose").addEventListener("click", () => by("file").click());
by("file").addEventListener("change", attempt(async () => {
  const [file] = by("file").files;
  by("file").value = "";
  if (!file) return;
  if (file.size > 4 * MOST) throw new Trouble(`${file.name} has more than ${(4 * MOST).toLocaleString("en")} bytes.`);
  const text = await file.text();
  close();
  show(file.name, text);
}));

// Save

const download = (name, text, kind) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name.split("/").pop();
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const saved = (message, text = editor.text) => {
  open.saved = editor.text === text; // or it has been changed meanwhile
  title();
  keep();
  close();
  say(message);
};
const write = async (version) => {
  const [{ name }, { text }, mine] = [open, editor, shows];
  const answer = await answerOf(`/files/${path(name)}`, { text, version }, "PUT");
  if (mine !== shows) return; // another text has been opened
  open.version = answer.version;
  tell("");
  saved(`${name} is saved.`, text);
};
let writing = Promise.resolve(); // one after the other: each has the version that the one before has made
const saveToFolder = attempt(() => (writing = writing.catch(() => {}).then(saveNow)));
const saveNow = async () => {
  try {
    await write(open.version ?? "");
  } catch (error) {
    if (error.status !== 409) throw error;
    close();
    const { name } = open;
    tell(error.message, ["Write over it", writeOver], ["Download this text", saveToBrowser],
      ["Open what is in the folder", () => openFile(name)]);
  }
};
const writeOver = attempt(async () => {
  const { version } = await answerOf(`/files/${path(open.name)}`).catch((error) => {
    if (error.status === 404) return { version: "" }; // it is there no more
    throw error;
  });
  await write(version);
});
const saveToBrowser = () => {
  download(open.name, editor.text, "text/plain");
  saved(`${open.name} is downloaded.`);
};
const save = () => {
  if (open.version !== null && state.writable) saveToFolder();
  else if (state.writable) raise("saving");
  else saveToBrowser();
};
by("save").addEventListener("click", save);
by("to-folder").addEventListener("click", saveToFolder);
by("to-browser").addEventListener("click", saveToBrowser);
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s" && !event.altKey) {
    event.preventDefault();
    save();
  }
});

// Share

const flow = async (bytes, stream) => {
  const parts = [];
  let size = 0;
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length;
    if (size > 4 * MOST) throw new Trouble("The text in this link is too long.");
    parts.push(read.value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
};
const packed = async (text) => {
  const bytes = await flow(new TextEncoder().encode(text), new CompressionStream("deflate-raw"));
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};
const unpacked = async (word) => {
  const binary = atob(word.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (sign) => sign.charCodeAt(0));
  return new TextDecoder("utf-8", { fatal: true }).decode(await flow(bytes, new DecompressionStream("deflate-raw")));
};
by("as-link").addEventListener("click", attempt(async () => {
  const link = `${location.origin}/#name=${encodeURIComponent(open.name)}&text=${await packed(editor.text)}`;
  by("link").hidden = false;
  by("link").textContent = link;
  try {
    await navigator.clipboard.writeText(link);
    say("The link is copied.");
  } catch {
    say("The link stands below the button; it could not be copied.");
  }
}));
by("as-page").addEventListener("click", attempt(async () => {
  if (mayNotRun()) throw new Trouble(FOREIGN);
  say("The page is being made.");
  const { page } = await answerOf("/page", sent());
  close();
  const name = `${open.name.replace(/\.[^.]*$/, "")}.html`;
  download(name, page, "text/html");
  say(`${name} is downloaded.`);
}));

// Exercises

const begin = (name, { text, answer }) => {
  close();
  show(name.replace(/(?:exercise-)?([^/]*)$/, "exercise-$1"), text, { answer });
};
const beginExercise = () => {
  clear("");
  exercise("One line of this text is wrong, or is missing. Find it and mend it.");
};
const exercise = (text) => {
  notice(text, {}, ["I have mended it", grade], ["Show the verdicts", giveUp]);
  say(text);
};
const grade = attempt(async () => {
  say("Your text is being read.");
  const { ok, message } = await answerOf("/grade", { ...sent(), answer: open.answer });
  if (!ok) {
    exercise(`Not yet: ${message}.`);
    return;
  }
  open.answer = null;
  keep();
  notice("");
  tell(`Right. ${message[0].toUpperCase()}${message.slice(1)}.`);
  checkLater(0);
});
const giveUp = () => {
  const [{ line, was, removed }] = open.answer.mistakes;
  open.answer = null;
  keep();
  notice("");
  checkLater(0);
  tell(`${removed ? "Before" : "In"} line ${line}, it was: ${was}`);
};
by("plant").addEventListener("click", attempt(async () => {
  say("A mistake is being planted.");
  begin(open.name, await answerOf("/plant", sent()));
}));
by("plant-example").addEventListener("click", attempt(async () => {
  say("A mistake is being planted.");
  const name = state.examples[Math.floor(Math.random() * state.examples.length)];
  const { text } = await answerOf(`/examples/${path(name)}`);
  begin(`${name}.md`, await answerOf("/plant", { name: `${name}.md`, text }));
}));
by("plant-example").hidden = !state.examples.length;

// What is open at first: the text of a link, the one of this tab before, the file of the server, the last one that was
// not saved, or an example to change

const ofLink = async () => {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.get("text")) return false;
  history.replaceState(null, "", location.pathname); // loaded again, the page has the text as it is then
  const text = await unpacked(given.get("text")).catch(() => {
    throw new Trouble("This link holds no text that can be read: it may have been cut off.");
  });
  show((given.get("name") || "derivation.md").slice(0, 120), text, { runs: false, saved: false });
  return true;
};
const ofFile = async (name, own) => {
  const { text, version } = await answerOf(`/files/${path(name)}`);
  const mine = own ?? unsaved().find((draft) => draft.name === name);
  if (mine && (mine.version === version || mine.text === text)) {
    showDraft({ ...taken(mine), version, saved: mine.text === text });
    return true;
  }
  show(name, text, { version });
  if (mine && !mine.saved) {
    tell(`${name} has been changed by another program; a text of it that was not saved is in this browser.`,
      ["Open the text that was not saved", () => showDraft(taken(mine))]);
  }
  return true;
};
const first = async () => {
  const own = tab && draftAt(DRAFT + tab);
  tab = null; // a copy of this tab has the same one
  const troubles = [];
  const tried = (work) => work.catch((error) => {
    if (!(error instanceof Trouble)) throw error;
    troubles.push(error.message);
  });
  if (await tried(ofLink())) return;
  const name = own ? own.version !== null && own.name : state.file;
  if (!name || !(await tried(ofFile(name, own)))) {
    const draft = own ?? unsaved()[0];
    if (draft) showDraft(taken(draft));
    else show("derivation.md", TEMPLATES["derivation.md"]);
  }
  if (troubles.length) tell(troubles.join(" "));
};
addEventListener("hashchange", attempt(ofLink));
first();
