// Makes the drawing of a tape a thing to look around in: it folds frames, moves, zooms, and tells about a value.
for (const graph of document.querySelectorAll(".tinyad .graph:not([data-ready])")) {
  graph.dataset.ready = "yes";
  const GAP = 14; // what is left of an empty stretch, in pixels
  const LEAST = 0.6; // how small the letters may be at first, where folding does not help
  const READABLE = 0.75; // how small they may be before more is folded
  const PART = 0.75; // of the window's height, for the drawing at first
  const home = graph.closest(".explored");
  const view = graph.querySelector(".view");
  const svg = view.querySelector("svg");

  const make = (tag, attributes, parent, text = "") => {
    const inside = parent instanceof SVGElement;
    const element = inside ? document.createElementNS(svg.namespaceURI, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    parent.append(element);
    return element;
  };
  const round = (x) => Math.round(10 * x) / 10;
  const sides = (rect) => {
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
    return { x, y, right: round(x + width), bottom: round(y + height) };
  };
  const PAIR = /(-?[\d.]+) (-?[\d.]+)/g; // of coordinates in a path
  const pairs = (d) => [...d.matchAll(PAIR)].map((pair) => [Number(pair[1]), Number(pair[2])]);

  // What there is, with its places in the drawing as it came

  const ground = svg.querySelector("rect");
  const frames = new Map();
  for (const g of svg.querySelectorAll(".frame")) {
    const [rect, title] = [g.querySelector("rect"), g.querySelector("text")];
    frames.set(g.dataset.frame, { g, rect, title, parent: g.dataset.parent, folded: false, ...sides(rect) });
  }
  const boxes = new Map();
  for (const g of svg.querySelectorAll(".box")) {
    boxes.set(g.dataset.key, { g, frame: g.dataset.frame, ...sides(g.querySelector("rect")) });
  }
  const edges = [...svg.querySelectorAll(".edge")].map((g) => {
    const [line, head] = g.querySelectorAll("path");
    const d = line.getAttribute("d");
    const tip = pairs(head.getAttribute("d"))[0];
    return { g, line, head, d, tip, tail: g.dataset.tail, end: g.dataset.head, points: [...pairs(d), tip] };
  });
  const around = function* (frame) {
    for (let f = frames.get(frame); f; f = frames.get(f.parent)) yield f;
  };
  const within = (f, frame) => [...around(frame)].includes(f);

  // A folded frame is a box with its title; what is in it is counted

  for (const f of frames.values()) {
    const inside = [...boxes.values()].filter((box) => within(f, box.frame));
    const kinds = ["own", "inherited"].filter((kind) => inside.some((box) => box.g.classList.contains(kind)));
    f.cover = make("g", { class: `cover ${kinds[0] ?? "folded"}` }, svg);
    make("rect", { rx: 2 }, f.cover);
    make("text", { "font-size": 12 }, f.cover, f.title.textContent);
    make("text", { "font-size": 10 }, f.cover, `${inside.length} ${inside.length > 1 ? "values" : "value"}`);
    const long = f.title.getComputedTextLength() || 6.5 * f.title.textContent.length; // 0 where nothing is shown
    f.label = { title: long, width: Math.max(1.25 * long, 50) + 18, height: 40 };
  }

  const inside = (f, [x, y]) => x > f.x && x < f.right && y > f.y && y < f.bottom;
  const outermost = (frame) => [...around(frame)].filter((f) => f.folded).pop();
  const squeeze = (stops, solids) => {
    // Where x is after every empty stretch between two stops has shrunk to GAP.
    const sorted = [...new Set(stops)].sort((a, b) => a - b);
    const change = new Map();
    for (const [start, end] of solids) {
      change.set(start, (change.get(start) ?? 0) + 1);
      change.set(end, (change.get(end) ?? 0) - 1);
    }
    const to = [GAP];
    let depth = 0;
    for (let k = 1; k < sorted.length; k++) {
      depth += change.get(sorted[k - 1]) ?? 0;
      const length = sorted[k] - sorted[k - 1];
      to.push(to[k - 1] + (depth > 0 ? length : Math.min(length, GAP)));
    }
    const map = (x) => {
      let [low, high] = [0, sorted.length - 1];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (sorted[middle] <= x) low = middle;
        else high = middle;
      }
      const length = sorted[high] - sorted[low];
      return to[low] + (length ? ((x - sorted[low]) / length) * (to[high] - to[low]) : 0);
    };
    return [map, to.at(-1) + GAP];
  };

  let whole = { width: 0, height: 0, left: null };
  const draw = () => {
    const solid = [[], []];
    const stops = [[], []];
    const add = (x, y, right, bottom) => {
      solid[0].push([x, right]);
      solid[1].push([y, bottom]);
      stops[0].push(x, right);
      stops[1].push(y, bottom);
    };
    for (const box of boxes.values()) {
      box.folded = outermost(box.frame);
      if (!box.folded) add(box.x, box.y, box.right, box.bottom);
    }
    for (const f of frames.values()) {
      f.hidden = outermost(f.parent);
      if (f.hidden) continue;
      const middle = round((f.y + f.bottom - f.label.height) / 2);
      if (f.folded) add(f.x, middle, round(f.x + f.label.width), round(middle + f.label.height));
      else add(f.x, f.y, round(f.x + f.label.title + 12), round(f.y + 22));
      stops[0].push(f.right);
      stops[1].push(f.y, f.bottom);
    }
    for (const edge of edges) {
      const [from, into] = [boxes.get(edge.tail).folded, boxes.get(edge.end).folded];
      edge.hidden = from && from === into;
      if (edge.hidden) continue;
      for (const point of edge.points) {
        if ((from && inside(from, point)) || (into && inside(into, point))) continue;
        stops[0].push(point[0]);
        stops[1].push(point[1]);
      }
    }
    const [[X, width], [Y, height]] = [squeeze(stops[0], solid[0]), squeeze(stops[1], solid[1])];

    const show = (element, shown) => element.setAttribute("display", shown ? "inline" : "none");
    const shift = (element, x, y, toX = X(x), toY = Y(y)) =>
      element.setAttribute("transform", `translate(${round(toX - x)} ${round(toY - y)})`);
    const stretch = (rect, { x, y, right, bottom }) => {
      const place = { x: X(x), y: Y(y), width: X(right) - X(x), height: Y(bottom) - Y(y) };
      for (const [name, value] of Object.entries(place)) rect.setAttribute(name, round(value));
      return place;
    };
    for (const box of boxes.values()) {
      show(box.g, !box.folded);
      const [width, height] = [box.right - box.x, box.bottom - box.y];
      box.place = box.folded ? null : { x: X(box.x), y: Y(box.y), width, height };
      if (!box.folded) shift(box.g, box.x, box.y);
    }
    for (const f of frames.values()) {
      show(f.g, !f.hidden && !f.folded);
      show(f.cover, !f.hidden && f.folded);
      f.place = null;
      if (f.hidden) continue;
      const place = stretch(f.folded ? f.cover.querySelector("rect") : f.rect, f);
      if (!f.folded) shift(f.title, f.x, f.y);
      f.cover.querySelectorAll("text").forEach((text, k) => {
        text.setAttribute("x", round(place.x + place.width / 2));
        text.setAttribute("y", round(place.y + place.height / 2 + 14 * k - 2));
      });
      f.place = place;
    }
    for (const edge of edges) {
      show(edge.g, !edge.hidden);
      if (edge.hidden) continue;
      edge.line.setAttribute("d", edge.d.replace(PAIR, (_, x, y) => `${round(X(Number(x)))} ${round(Y(Number(y)))}`));
      const [x, y] = edge.tip;
      const f = boxes.get(edge.end).folded;
      // The arrow stands where the line comes into the frame that hides its end
      const first = f && edge.points.find((point) => inside(f, point));
      if (first) shift(edge.head, x, y, X(f.x), Y(first[1]));
      else shift(edge.head, x, y);
    }
    whole = { width, height };
    for (const [name, value] of Object.entries(whole)) {
      ground.setAttribute(name, round(value));
      svg.setAttribute(name, round(value)); // what paper goes by
    }
    const begin = [...boxes.values(), ...frames.values()].filter((one) => one.place);
    whole.left = begin.reduce((a, b) => (a && a.place.x <= b.place.x ? a : b), null)?.place;
    buttons.forEach((button) => button.redraw?.());
  };

  // Moving and zooming

  let seen = { x: 0, y: 0, width: 1, height: 1 };
  const look = (x, y, width, height) => {
    seen = { x, y, width, height };
    svg.setAttribute("viewBox", [x, y, width, height].map(round).join(" "));
  };
  const scale = () => Math.min(view.clientWidth / whole.width, (PART * innerHeight) / whole.height, 1);
  const fit = (at) => {
    if (!view.clientWidth) return; // in a closed <details>: it is done when that is opened
    const size = Math.max(scale(), LEAST);
    const high = Math.max(Math.min(whole.height * size, PART * innerHeight), 120);
    svg.style.height = `${round(high)}px`;
    const [width, height] = [view.clientWidth / size, high / size];
    const start = (middle, length, all) =>
      length > all ? (all - length) / 2 : Math.max(Math.min(middle - length / 2, all - length), 0);
    const level = at ?? whole.left; // what stands first is seen first
    const near = !at || at.x + at.width <= width; // with the left end
    const x = start(near ? 0 : at.x + at.width / 2, width, whole.width);
    look(x, start(level ? level.y + level.height / 2 : 0, height, whole.height), width, height);
  };
  const zoom = (factor, x = 0.5, y = 0.5) => {
    const width = Math.min(Math.max(seen.width / factor, 60), 4 * Math.max(whole.width, view.clientWidth));
    const height = (width * seen.height) / seen.width;
    look(seen.x + x * (seen.width - width), seen.y + y * (seen.height - height), width, height);
  };
  const everything = () => {
    const scale = Math.min(view.clientWidth / whole.width, svg.clientHeight / whole.height);
    const [width, height] = [view.clientWidth / scale, svg.clientHeight / scale];
    look((whole.width - width) / 2, (whole.height - height) / 2, width, height);
  };
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const at = svg.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 300), (event.clientX - at.x) / at.width, (event.clientY - at.y) / at.height);
  }, { passive: false });
  let drag = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, from: seen, moved: false };
  });
  svg.addEventListener("pointermove", (event) => {
    if (!drag || !event.buttons) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) > 4) {
      drag.moved = true;
      svg.setPointerCapture(event.pointerId);
    }
    const unit = drag.from.width / svg.clientWidth;
    if (drag.moved) look(drag.from.x - unit * dx, drag.from.y - unit * dy, drag.from.width, drag.from.height);
  });

  svg.addEventListener("pointerup", () => setTimeout(() => (drag = null))); // after the click

  // On paper all of it is wanted

  let before = null;
  addEventListener("beforeprint", () => {
    before = { ...seen };
    look(0, 0, whole.width, whole.height);
    svg.style.width = `${round(whole.width)}px`; // or less, where the paper has less
  });
  addEventListener("afterprint", () => {
    svg.style.width = "";
    if (before) look(before.x, before.y, before.width, before.height);
  });

  // Folding and choosing

  const fold = (some, folded) => {
    some.forEach((f) => (f.folded = folded));
    draw();
    fit(some.length === 1 ? some[0].place : undefined);
  };
  const panel = make("div", { class: "chosen-step", "aria-live": "polite", tabindex: "-1" }, graph);
  panel.textContent = "Choose a step to see its rule, its value and its derivative";
  panel.textContent += frames.size ? "; the title of a frame folds it." : ".";
  const choose = (key, unfolds = true) => {
    const [box, about] = [boxes.get(key), home.querySelector(`[data-about="${CSS.escape(key)}"]`)];
    if (about) {
      const copy = make("section", {}, make("div", {}, document.createElement("div")));
      for (const part of about.children) copy.append(part.cloneNode(true));
      copy.querySelectorAll("[id]").forEach((element) => element.removeAttribute("id"));
      const summary = copy.querySelector("summary");
      const title = make("p", { class: "title" }, copy);
      title.append(...summary.childNodes);
      summary.replaceWith(title);
      panel.replaceChildren(copy);
    }
    svg.querySelectorAll(".chosen, .near").forEach((g) => g.classList.remove("chosen", "near"));
    if (!box) return; // a weight: it stands in the boxes of the steps that use it
    const folded = [...around(box.frame)].filter((f) => f.folded);
    if (folded.length && !unfolds) return;
    if (folded.length) fold(folded, false);
    box.g.classList.add("chosen");
    edges.filter((edge) => edge.tail === key || edge.end === key).forEach((edge) => edge.g.classList.add("near"));
    bring(box.g);
  };
  const bring = (g) => {
    // Moves the drawing until it can be seen.
    const place = (g.classList.contains("frame") ? g.querySelector("text") : g).getBoundingClientRect();
    const all = svg.getBoundingClientRect();
    if (place.left < all.left || place.right > all.right || place.top < all.top || place.bottom > all.bottom) {
      const unit = seen.width / all.width;
      const x = seen.x + unit * ((place.left + place.right) / 2 - all.left);
      const y = seen.y + unit * ((place.top + place.bottom) / 2 - all.top);
      look(x - seen.width / 2, y - seen.height / 2, seen.width, seen.height);
    }
  };
  const act = (target) => {
    const g = target.closest?.(".box, .cover, .frame");
    if (g?.dataset.key) choose(g.dataset.key);
    for (const f of frames.values()) {
      if (f.cover === g) fold([f], false);
      else if (f.g === g && target !== f.rect) fold([f], true);
    }
  };
  svg.addEventListener("click", (event) => drag?.moved || act(event.target));
  home.addEventListener("click", (event) => {
    const link = event.target.closest("[data-go]");
    if (!link) return;
    event.preventDefault();
    choose(link.dataset.go);
    graph.scrollIntoView({ block: "nearest" });
    panel.focus({ preventScroll: true }); // the link may be gone
  });

  // With keys: arrows go from one box or frame to the next, Enter chooses or folds

  const stations = [];
  for (const box of boxes.values()) {
    for (const f of [...around(box.frame)].reverse()) if (!stations.includes(f.g)) stations.push(f.g, f.cover);
    stations.push(box.g);
  }
  stations.forEach((g) => {
    g.setAttribute("tabindex", "-1");
    g.setAttribute("role", "button");
    const words = [...g.querySelectorAll("text")].map((text) => text.textContent).join(", ");
    const what = g.dataset.key ? "" : g.dataset.frame ? "fold " : "unfold ";
    g.setAttribute("aria-label", what + words);
  });
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", "The tape. Arrow keys go from step to step, Enter chooses or folds, + and - zoom.");
  svg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const shown = stations.filter((g) => g.getAttribute("display") !== "none");
    const at = shown.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = shown[Math.min(Math.max(at < 0 ? 0 : at + step, 0), shown.length - 1)];
      next?.focus({ preventScroll: true });
      if (next?.dataset.key) choose(next.dataset.key);
      else if (next) bring(next);
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      const f = [...frames.values()].find((frame) => frame.g === shown[at] || frame.cover === shown[at]);
      act(f && f.g === shown[at] ? f.title : shown[at]);
      (f ? (f.folded ? f.cover : f.g) : shown[at]).focus();
    } else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.25 : 0.8);
    else if (event.key === "0") everything();
    else return;
    event.preventDefault();
  });

  // The buttons above the drawing

  const bar = make("div", { class: "bar", role: "group", "aria-label": "The drawing" }, graph);
  graph.prepend(bar);
  const button = (label, name, run) => {
    const made = make("button", { type: "button", "aria-label": name, title: name }, bar, label);
    made.addEventListener("click", run);
    return made;
  };
  const buttons = [];
  const outer = [...frames.values()].filter((f) => f.g.classList.contains("time"));
  const inner = [...frames.values()].filter((f) => !outer.includes(f));
  for (const [some, what] of [[outer, "time steps"], [inner, "groups"]]) {
    if (!some.length) continue;
    const made = button("", "", () => fold(some, !some.every((f) => f.folded)));
    made.redraw = () => {
      made.textContent = `${some.every((f) => f.folded) ? "Unfold" : "Fold"} all ${what}`;
      made.title = made.textContent;
      made.setAttribute("aria-label", made.textContent);
    };
    buttons.push(made);
  }
  button("−", "smaller", () => zoom(0.8));
  button("+", "larger", () => zoom(1.25));
  button("whole", "the whole drawing", everything);

  const begin = graph.dataset.choose;
  const wrong = [...around(boxes.get(begin)?.frame)];
  const opened = wrong.length ? wrong : outer.slice(-1);
  const settle = () => {
    // Folds as little as lets all of it be seen, with letters that can be read; what is wrong stays open longest.
    const others = (some) => some.filter((f) => !opened.includes(f));
    const stages = [[], others(outer), [...others(outer), ...others(inner)], [...outer, ...inner]];
    for (const stage of stages) {
      frames.forEach((f) => (f.folded = stage.includes(f)));
      draw();
      if (scale() >= READABLE) return;
    }
  };
  const open = () => (graph.dataset.fold ? [...frames.values()].filter((f) => !f.folded && !f.hidden) : opened);
  for (const name of graph.dataset.fold?.split(" ").filter(Boolean) ?? []) frames.get(name).folded = true;
  svg.classList.add("live");
  draw();
  let width = 0;
  new ResizeObserver(() => {
    if (view.clientWidth === width) return; // its height is ours
    const first = width === 0;
    width = view.clientWidth;
    requestAnimationFrame(() => {
      if (first && graph.dataset.fold === undefined) settle();
      fit((graph.dataset.fold === "" ? undefined : open().find((f) => f.place))?.place);
      if (first && begin) choose(begin, graph.dataset.fold !== undefined);
    });
  }).observe(view);
}
