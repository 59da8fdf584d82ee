// The editor: the text with the verdict beside every line, underlines, sizes, and signs for what is typed.
import {
  Compartment, Decoration, EditorState, EditorView, GutterMarker, RangeSet, StateEffect, StateField, StreamLanguage,
  acceptCompletion, autocompletion, bracketMatching, classHighlighter, closeBrackets, closeBracketsKeymap,
  completionKeymap, defaultKeymap, drawSelection, gutter, highlightActiveLine, highlightSpecialChars, history,
  historyKeymap, hoverTooltip, keymap, lineNumbers, markdown, python, searchKeymap, stex, syntaxHighlighting,
} from "./codemirror.js";

const SIGNS = { good: "✓", bad: "✗", unsure: "?", calm: "…" };
const UNFINISHED = ["unreadable", "undefined", "not evaluable", "used before it is set"];
const TAB = 4; // the server counts a tab as the spaces up to the next column of these

// Where a line and a column of the server are in the text: it counts characters, and an editor counts halves of some.
const position = (doc, line, column) => {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  let [seen, offset] = [0, 0];
  for (const sign of at.text) {
    if (seen >= column - 1) break;
    seen += sign === "\t" ? TAB - (seen % TAB) : 1;
    offset += sign.length;
  }
  return at.from + offset;
};
const range = (doc, place) => {
  const [from, to] = [position(doc, place.line, place.column), position(doc, place.end_line, place.end_column)];
  return { from, to: Math.max(from, to) };
};

// What was found, with its places in the text as it is now

const setFound = StateEffect.define();
const speakUp = StateEffect.define();

const moved = (one, changes) => ({ from: changes.mapPos(one.from, 1), to: Math.max(changes.mapPos(one.from, 1), changes.mapPos(one.to, -1)) });
const found = StateField.define({
  create: () => ({ items: [] }),
  update(value, transaction) {
    if (transaction.docChanged) {
      const items = value.items.map((item) => ({
        ...item,
        ...moved(item, transaction.changes),
        whole: moved(item.whole, transaction.changes),
        replaces: item.replaces && moved(item.replaces, transaction.changes),
        sizes: item.sizes.map((one) => ({ ...one, ...moved(one, transaction.changes) })),
      }));
      value = { ...value, items };
    }
    for (const effect of transaction.effects) if (effect.is(setFound)) value = effect.value;
    return value;
  },
});

// The line that is being written is not found fault with until it is left, or until its author pauses
const written = StateField.define({
  create: () => null,
  update(value, transaction) {
    const line = transaction.state.doc.lineAt(transaction.state.selection.main.head).number;
    if (transaction.docChanged) {
      let lines = 0;
      transaction.changes.iterChanges((_a, _b, _c, _d, inserted) => (lines = Math.max(lines, inserted.lines)));
      return transaction.isUserEvent("input.take") || lines > 2 ? null : { line, paused: false }; // more were pasted
    }
    if (value && transaction.selection && line !== value.line) return null;
    for (const effect of transaction.effects) if (value && effect.is(speakUp)) value = { ...value, paused: true };
    return value;
  },
});

const kindOf = (state, item) => {
  const now = state.field(written);
  if (item.kind === "good" || !now) return item.kind;
  const [first, last] = [item.whole.from, item.whole.to].map((at) => state.doc.lineAt(at).number);
  const inside = first <= now.line && now.line <= last;
  return inside && (!now.paused || UNFINISHED.includes(item.verdict)) ? "calm" : item.kind;
};

class Mark extends GutterMarker {
  constructor(kind, title) {
    super();
    Object.assign(this, { kind, title });
  }
  eq(other) {
    return other.kind === this.kind && other.title === this.title;
  }
  toDOM() {
    const mark = document.createElement("span");
    mark.className = `verdict-${this.kind}`;
    mark.title = this.title;
    mark.textContent = SIGNS[this.kind];
    return mark;
  }
}

const marks = (view) => {
  const worst = new Map(); // a line → its kind, the worst if it has several
  const order = ["good", "calm", "unsure", "bad"];
  for (const item of view.state.field(found).items) {
    const kind = kindOf(view.state, item);
    const at = view.state.doc.lineAt(item.whole.from).from;
    const title = kind === "calm" ? "not read yet" : item.verdict;
    if (!worst.has(at) || order.indexOf(worst.get(at).kind) < order.indexOf(kind)) worst.set(at, new Mark(kind, title));
  }
  return RangeSet.of([...worst].map(([at, mark]) => mark.range(at)), true);
};

const underlines = EditorView.decorations.compute([found, written], (state) => {
  const all = state.field(found).items.map((item) => [kindOf(state, item), item]);
  return Decoration.set(all.filter(([kind, { from, to }]) => (kind === "bad" || kind === "unsure") && from < to)
    .map(([kind, { from, to }]) => Decoration.mark({ class: `under-${kind}` }).range(from, to)), true);
});

const element = (tag, text, name = "") => Object.assign(document.createElement(tag), { textContent: text, className: name });

const about = (item, take) => {
  const head = element("p", "");
  head.append(element("strong", item.verdict));
  if (item.message) head.append(`: ${item.message}`);
  if (!item.suggestion) return [head];
  const line = element("p", `${item.grade}: `);
  line.append(element("code", item.suggestion));
  const button = element("button", "Take it", "take");
  button.type = "button";
  button.addEventListener("click", () => take(item));
  return [head, line, button];
};

export class Editor {
  constructor(parent, { completions, nonce, changed, moved: cursorMoved, say, none }) {
    Object.assign(this, { say, none });
    this.language = new Compartment();
    this.completions = completions;
    this.latex = false;
    this.extensions = [
      EditorView.cspNonce.of(nonce),
      found, written, underlines,
      gutter({
        class: "verdicts",
        markers: marks,
        lineMarkerChange: (update) => update.startState.field(found) !== update.state.field(found)
          || update.startState.field(written) !== update.state.field(written),
        domEventHandlers: { click: (view, line) => this.goTo(line.from) || true },
      }),
      lineNumbers(), history(), drawSelection(), highlightActiveLine(), highlightSpecialChars(), bracketMatching(),
      closeBrackets(), EditorView.lineWrapping, syntaxHighlighting(classHighlighter),
      autocompletion({ override: [(context) => this.signs(context)], icons: false }),
      hoverTooltip((view, at) => this.tooltip(view, at), { hoverTime: 250 }),
      EditorState.tabSize.of(TAB),
      EditorView.contentAttributes.of({ "aria-label": "The text", spellcheck: "false" }),
      keymap.of([
        { key: "F8", run: () => this.next(1) }, { key: "Shift-F8", run: () => this.next(-1) },
        { key: "Alt-Enter", run: () => this.takeHere() }, { key: "Tab", run: acceptCompletion },
        ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...searchKeymap, ...completionKeymap,
      ]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) changed();
        if (update.selectionSet || update.docChanged) cursorMoved();
      }),
      this.language.of([]),
    ];
    this.view = new EditorView({ parent, extensions: this.extensions });
  }

  get text() {
    return this.view.state.doc.toString();
  }

  get line() {
    return this.view.state.doc.lineAt(this.view.state.selection.main.head);
  }

  get items() {
    return this.view.state.field(found).items;
  }

  // Another text, with nothing to undo: what is undone is of one text
  replaceAll(text, name) {
    this.view.setState(EditorState.create({ doc: text, extensions: this.extensions }));
    this.setLanguage(name);
  }

  setLanguage(name) {
    const suffix = name.slice(name.lastIndexOf(".")).toLowerCase();
    this.latex = [".tex", ".ltx", ".latex"].includes(suffix);
    const language = suffix === ".py" ? python() : this.latex ? StreamLanguage.define(stex) : markdown();
    this.view.dispatch({ effects: this.language.reconfigure(language) });
  }

  // The finding of a number, if it is about this text, not about a file that it includes
  item(number) {
    return this.items.find((one) => one.number === number);
  }

  // What the server found out about the text; it is of this text, or nothing is shown
  show(findings) {
    const { doc } = this.view.state;
    const items = findings.map((one, number) => ({ ...one, number })).filter((one) => !one.file).map((one) => ({
      ...one,
      ...range(doc, one),
      whole: range(doc, one.whole),
      replaces: one.replaces && range(doc, one.replaces),
      sizes: one.sizes.map((size) => ({ ...size, ...range(doc, size) })),
    }));
    this.view.dispatch({ effects: setFound.of({ items }) });
    this.view.dom.classList.remove("stale");
  }

  // The text cannot be read just now: what was found before stays, paler
  stale() {
    this.view.dom.classList.add("stale");
  }

  get isStale() {
    return this.view.dom.classList.contains("stale");
  }

  paused() {
    this.view.dispatch({ effects: speakUp.of(null) });
  }

  // The line that is being written, 0 if none is
  get written() {
    return this.view.state.field(written)?.line ?? 0;
  }

  kind(item) {
    return kindOf(this.view.state, item);
  }

  place(at) {
    return range(this.view.state.doc, at);
  }

  // Put declarations before the text of a document, or where the blocks begin
  declare(text) {
    const block = /^[ \t]*```/m.exec(this.text);
    const at = text.startsWith("```") && block ? block.index : 0;
    const begin = this.latex ? /\\begin\s*\{document\}[^\n]*\n/.exec(this.text) : null;
    const from = begin ? begin.index + begin[0].length : at;
    this.view.dispatch({ changes: { from, insert: `${text}\n` }, userEvent: "input.take" });
  }

  goTo(at) {
    this.view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    this.view.focus();
  }

  next(step) {
    const wrong = this.items.filter((item) => ["bad", "unsure"].includes(this.kind(item))).sort((a, b) => a.from - b.from);
    const { head } = this.view.state.selection.main;
    let k = step > 0 ? wrong.findIndex(({ from }) => from > head) : wrong.findLastIndex(({ from }) => from < head);
    if (k < 0) k = step > 0 ? 0 : wrong.length - 1;
    if (wrong[k]) this.goTo(wrong[k].from);
    else this.say(this.none());
    return true;
  }

  // The finding about the line of the cursor: of several the one at the cursor, then the worst
  here() {
    const { from, to } = this.line;
    const { head } = this.view.state.selection.main;
    const inside = this.items.filter((item) => item.whole.from <= to && item.whole.to >= from);
    const wrong = inside.filter((item) => item.kind === "bad");
    return wrong.find(({ whole }) => whole.from <= head && head <= whole.to) ?? wrong[0] ?? inside[0];
  }

  takeHere() {
    const item = this.here();
    if (!item?.suggestion) this.say("There is no suggestion for this line.");
    else this.take(item);
    return true;
  }

  take(item) {
    const now = this.item(item.number);
    if (!now?.replaces || now.suggestion !== item.suggestion) return;
    const { from, to } = now.replaces;
    this.view.dispatch({
      changes: { from, to, insert: now.suggestion },
      selection: { anchor: from + now.suggestion.length },
      userEvent: "input.take",
      scrollIntoView: true,
    });
    this.view.focus();
    this.say(`Taken: ${now.suggestion}`);
  }

  takeAll(text) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text }, userEvent: "input.take" });
  }

  insert(text) {
    this.view.dispatch(this.view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    this.view.focus();
  }

  insertBehind(place, text) {
    const { to } = range(this.view.state.doc, place);
    this.view.dispatch({ changes: { from: to, insert: `\n${text}` }, userEvent: "input.take" });
  }

  // Signs for \names; in LaTeX the command itself
  signs(context) {
    const before = context.matchBefore(/\\[\w^|-]*/);
    if (!before) return null;
    const document = this.latex || /\$\$|\\\[|\\begin\{/.test(this.text);
    const options = this.completions.filter((one) => !document || /^\\[a-zA-Z|]+$/.test(one.label))
      .map((one) => ({ label: one.label, detail: one.sign, apply: document ? one.label : one.sign }));
    return { from: before.from, options, validFor: /^\\[\w^|-]*$/ };
  }

  tooltip(view, at) {
    const found = () => {
      const items = this.items.filter((item) => ["bad", "unsure"].includes(this.kind(item)));
      const sizes = this.items.flatMap((one) => one.sizes).filter(({ from, to }) => from <= at && at < to);
      return {
        item: items.find(({ from, to }) => from <= at && at <= to) ?? items.find(({ whole }) => whole.from <= at && at <= whole.to),
        size: sizes.sort((a, b) => a.to - a.from - (b.to - b.from))[0],
      };
    };
    const { item, size } = found();
    if (!item && !size) return null;
    const { from, to } = item && (!size || (item.from <= at && at <= item.to)) ? item : size;
    const create = () => {
      const dom = element("div", "", "about");
      const fill = () => {
        const { item: one, size: below } = found();
        dom.replaceChildren(...(one ? about(one, (taken) => this.take(taken)) : []));
        if (below) dom.append(element("p", `${view.state.sliceDoc(below.from, below.to)}: ${below.size}`, "size"));
      };
      fill();
      return { dom, update: (update) => !update.docChanged && fill() }; // suggestions come after the verdicts
    };
    return { pos: from, end: Math.max(from, to), above: true, create };
  }
}
