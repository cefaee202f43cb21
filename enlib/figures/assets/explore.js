/* Moves the figures of this course: controls over frames that Python computed, or over a closed form that is a script
   of the page. A figure is a drawing before this script runs, and stays one without it.
   A classic script without dependencies, so that it works from file:// and inside the output of a notebook. The book
   loads it once; a notebook repeats it with each figure, where it leaves the address alone and has no zoom. */
(() => {
  "use strict";
  const inBook = Boolean(document.currentScript?.src);
  const here = inBook ? document.currentScript.src.replace(/[^/]*$/, "") : "";
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const setAll = (made, attributes) => {
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  /* A text as people write it, as enlib/_tools.py does: 1e-8 is 10⁻⁸, -1 is −1, eta is η. */
  const SYMBOLS = { alpha: "α", beta: "β", eta: "η", lambda: "λ", mu: "μ", rho: "ρ", sigma: "σ", inf: "∞", x: "×" };
  const readable = (text) => text.replace(/(^|[^\w.])(\d+)(?:\.(\d+))?e([+-]?\d+)(?!\w|\.\d)/g,
    (_, before, whole, decimals = "", exponent) => {
      const number = decimals ? `${whole}.${decimals}` : whole;
      if (Math.abs(exponent) <= 3) {
        return before + Number(`${number}e${exponent}`).toFixed(Math.max(0, decimals.length - exponent));
      }
      const power = String(+exponent).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
      return before + (number === "1" ? "" : `${number}·`) + `10${power}`;
    }).replace(/(^|[\s(\[=,;|])-(?=\d)/g, "$1−")
      .replace(/\b(?:(?:alpha|beta|eta|lambda|mu|rho|sigma|inf)\b|x(?=\d+\.\d))/g, (name) => SYMBOLS[name]);

  // --- data ---------------------------------------------------------------------------------------------------------

  /* 16-bit integers over a range, in base64, to numbers; see enlib/figures/page.py, pack. */
  function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed.b), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float64Array.from({ length: bytes.length / 2 }, (_, i) => {
      const value = packed.o + (view.getInt16(2 * i, true) + 32768) * packed.s;
      return packed.log ? 10 ** value : value;
    });
  }

  /* Returns a function from the indices of the controls to [{x, y, ...}, ...] and the notes. */
  function source(spec, figure) {
    if (spec.marks[0].x === undefined) {
      const compute = globalThis.enlibClosedForms[figure.id];
      return (at) => {
        const values = Object.fromEntries(spec.controls.map((c, i) => [c.name, c.values[at[i]]]));
        const frame = compute(values);
        const [marks, notes] = [spec.marks.map((m) => frame[m.name]), spec.notes.map((name) => frame[name])];
        return { marks, notes, ticks: frame[spec.ticks?.rows] };
      };
    }
    const stored = spec.marks.map((mark) => ["x", "y", "high", "z"].filter((q) => mark[q])
      .map((q) => [q, mark[q], unpack(mark[q])]));
    return (at) => {
      const k = spec.controls.reduce((index, c, i) => index * c.texts.length + at[i], 0);
      const slice = ([q, { shared, rows, n }, all]) => {
        const row = rows ? rows[k] : k;
        return [q, shared ? all : all.subarray(row * n, (row + 1) * n)];
      };
      const marks = stored.map((quantities) => Object.fromEntries(quantities.map(slice)));
      return { marks, notes: spec.notes[k] ?? [], ticks: spec.ticks?.rows[k] };
    };
  }

  // --- shapes: as enlib/figures/page.py makes those of the first frame ------------------------------------------------

  const UNITS = 10000;
  const CAP = 80; // half the width of an error bar's cap
  const LINE = 17; // the height of a line of text
  const scaled = (value, axis) => (axis.log ? Math.log10(value) : value);

  /* A function from values to places on the axis, from 0 to UNITS. */
  function along(axis, upward = false) {
    const [low, high] = axis.lim.map((end) => scaled(end, axis));
    return (value) => {
      const at = (UNITS * (scaled(value, axis) - low)) / (high - low);
      const unit = Math.floor(Math.min(2 * UNITS, Math.max(-UNITS, at)) + 0.5);
      return upward ? UNITS - unit : unit;
    };
  }

  function path(spec, mark, data) {
    const [right, up] = [along(spec.x), along(spec.y, true)];
    const x = Array.from(data.x, right);
    const y = Array.from(data.y, up);
    if (mark.kind === "curve") return `M${x.map((v, i) => `${v} ${y[i]}`).join("L")}`;
    if (mark.kind === "points") return x.map((v, i) => `M${v} ${y[i]}h0`).join("");
    if (mark.kind === "intervals") {
      const cap = (v, w) => `M${v - CAP} ${w}h${2 * CAP}`;
      return x.map((v, i) => `M${v} ${y[i]}V${up(data.high[i])}${cap(v, y[i])}${cap(v, up(data.high[i]))}`).join("");
    }
    const zero = spec.y.log ? UNITS : up(0);
    const centers = Array.from(data.x, (v) => scaled(v, spec.x));
    const half = 0.4 * (centers.length > 1 ? centers[1] - centers[0] : 1);
    const edge = (v) => right(spec.x.log ? 10 ** v : v);
    return centers.map((v, i) => `M${edge(v - half)} ${zero}V${y[i]}H${edge(v + half)}V${zero}Z`).join("");
  }

  /* The colors of a heat map, as a picture with one pixel for each point of the grid; the browser smooths it. */
  function picture(mark, { x, y, z }) {
    const colors = (mark.lookup ??= Uint8Array.from(atob(mark.colors), (c) => c.charCodeAt(0)));
    const [columns, rows] = [x.length, y.length];
    const canvas = element("canvas", { width: columns, height: rows });
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    const [low, high] = mark.zlim;
    z.forEach((value, i) => {
      const row = rows - 1 - Math.floor(i / columns); // the first row of z is the lowest
      const color = 3 * Math.min(255, Math.max(0, Math.floor((256 * (value - low)) / (high - low || 1))));
      const pixel = 4 * (row * columns + (i % columns));
      for (let c = 0; c < 3; c++) image.data[pixel + c] = colors[color + c];
      image.data[pixel + 3] = 255;
    });
    context.putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  /* The contours of a heat map: in each cell of the grid, straight lines between the cuts of its sides. */
  function contours(spec, mark, { x, y, z }) {
    const [right, up] = [along(spec.x), along(spec.y, true)];
    const columns = x.length;
    const cuts = [];
    const cut = (i, j, m, n, level) => {
      const [a, b] = [z[j * columns + i] - level, z[n * columns + m] - level];
      if (a < 0 === b < 0) return;
      const t = a / (a - b);
      cuts.push(`${right(x[i] + t * (x[m] - x[i]))} ${up(y[j] + t * (y[n] - y[j]))}`);
    };
    for (const level of mark.levels) {
      for (let j = 0; j + 1 < y.length; j++) {
        for (let i = 0; i + 1 < columns; i++) {
          cut(i, j, i + 1, j, level);
          cut(i + 1, j, i + 1, j + 1, level);
          cut(i + 1, j + 1, i, j + 1, level);
          cut(i, j + 1, i, j, level);
        }
      }
    }
    return cuts.map((at, k) => (k % 2 ? "L" : "M") + at).join("");
  }

  function shape(spec, mark, data, group) {
    if (mark.kind !== "heat map") {
      const d = path(spec, mark, data);
      for (const line of group.children) line.setAttribute("d", d);
    } else if (!mark.z?.shared && mark.drawn !== data.z) {
      mark.drawn = data.z; // a closed form may return the same one every time
      const [image, lines] = group.children;
      image.setAttribute("href", picture(mark, data));
      lines.setAttribute("d", contours(spec, mark, data));
    }
  }

  /* Moves the names of curves to where these end; see page.py, spread. */
  function nameEnds(spec, frame, drawing) {
    const ground = drawing.querySelector(".en-wide .en-ground");
    const [top, height] = ["y", "height"].map((name) => +ground.getAttribute(name));
    const up = along(spec.y, true);
    const names = [...drawing.querySelectorAll(".en-end")].map((text) => {
      const share = up(frame.marks[text.dataset.mark].y.at(-1)) / UNITS;
      return { text, at: top + height * Math.min(1, Math.max(0, share)) };
    }).sort((a, b) => a.at - b.at);
    names.forEach((name, i) => { name.at = i ? Math.max(name.at, names[i - 1].at + LINE) : name.at; });
    names.reverse().forEach((name, i) => {
      name.at = Math.min(name.at, i ? names[i - 1].at - LINE : Math.max(top + height, top + LINE * (names.length - 1)));
      name.text.setAttribute("y", name.at.toFixed(1));
    });
  }

  // --- the address of the page: #eta=1.9&mu=0.5 ----------------------------------------------------------------------

  const state = new Map(); // what was touched, or came with the address
  const owners = new Map(); // key -> {figure, control}

  function claimKeys(figures) {
    for (const figure of figures) {
      figure.dataset.claimed = true;
      figure.keys = (figure.dataset.controls ?? "").split(" ").map((name, control) => {
        let key = name;
        for (let k = 2; owners.has(key); k++) key = `${name}-${k}`; // a second figure with an eta has eta-2
        owners.set(key, { figure, control });
        return key;
      });
    }
  }

  function readAddress() {
    const wanted = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    let first = null;
    for (const [key, text] of wanted) {
      const owner = owners.get(key);
      if (!owner) continue;
      state.set(key, text);
      first ??= owner.figure;
      upgrade(owner.figure)?.set(owner.control, text);
    }
    first?.scrollIntoView({ block: first.offsetHeight < innerHeight ? "center" : "start" });
  }

  function writeAddress() {
    try {
      const query = new URLSearchParams([...state]).toString();
      history.replaceState(null, "", query ? `#${query}` : location.pathname + location.search);
    } catch { /* some browsers limit how often; the next change writes it */ }
  }

  /* The index of the text, or of the number that is nearest, or -1. */
  function indexOf(control, text) {
    const exact = control.texts.indexOf(text);
    const numbers = control.texts.map(Number);
    if (exact >= 0 || text === "" || [+text, ...numbers].some(Number.isNaN)) return exact;
    const wanted = Math.min(Math.max(+text, Math.min(...numbers)), Math.max(...numbers));
    const distances = numbers.map((number) => Math.abs(number - wanted));
    return distances.indexOf(Math.min(...distances));
  }

  // --- the figure ---------------------------------------------------------------------------------------------------

  let upgraded = 0;

  /* Returns the figure's handle; null if it is broken, which must not stop the others: it stays a drawing. */
  function upgrade(figure) {
    try {
      return (figure.explore ??= prepare(figure));
    } catch (error) {
      console.error(`The figure "${figure.id}" does not move:`, error);
      return (figure.explore = null);
    }
  }

  function prepare(figure) {
    const spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const all = source(spec, figure);
    const picks = spec.picks === undefined ? null : makePicks(spec, all);
    const frameAt = picks?.frameAt ?? all;
    const at = spec.controls.map((c) => c.start);
    let frame = frameAt(at); // what cannot be shown fails here, before anything is changed
    const drawing = figure.querySelector(".en-drawing");
    const [note, printed] = [figure.querySelector(".en-note"), figure.querySelector(".en-at")];
    const symbol = drawing.querySelector("symbol");
    const name = `en-${++upgraded}-${Math.random().toString(36).slice(2)}`; // a notebook can show one figure twice
    symbol.id = `${name}-marks`;
    drawing.querySelectorAll("use[href$='-marks']").forEach((use) => use.setAttribute("href", `#${symbol.id}`));
    const groups = [...symbol.children];
    const inputs = spec.controls.map((control, i) => makeInput(control, `${name}-${control.name}`));
    const table = setAll(element("div", { className: "en-data", tabIndex: 0 }),
      { role: "region", "aria-label": "The data of the figure" });
    const details = element("details", {}, element("summary", { textContent: "Show the data" }), table);
    let pending = 0;
    let zoomed = null;

    function draw() {
      pending = 0;
      frame = frameAt(at);
      spec.marks.forEach((mark, i) => shape(spec, mark, frame.marks[i], groups[i]));
      nameEnds(spec, frame, drawing);
      note.textContent = readable(frame.notes.join(" "));
      printed.textContent = readable(spec.controls.map((c, i) => `${c.label} = ${c.texts[at[i]]}`).join(", "));
      ticks?.show(frame.ticks);
      if (details.open) fillTable(table, spec, frame);
      zoomed?.(frame);
      figure.dataset.drawn = at.join(" ");
    }

    function set(control, text) {
      const index = indexOf(spec.controls[control], text);
      if (index >= 0) move(control, index);
    }

    function move(control, index) {
      at[control] = index;
      inputs[control].show(index);
      pending ||= requestAnimationFrame(draw);
    }

    /* Remembers the values of the controls in the address. */
    function keep() {
      spec.controls.forEach((control, i) => state.set(figure.keys[i], control.texts[at[i]]));
      if (inBook) writeAddress();
    }

    const ticks = spec.ticks && makeTicks(spec);
    ticks?.show(frame.ticks);
    if (ticks) inputs[spec.ticks.control].label.classList.add("en-ticked");
    const play = makePlay(spec, at, move, keep);
    inputs.forEach((input, control) => {
      input.show(at[control]);
      input.field.addEventListener("input", () => {
        play.stop();
        move(control, +input.field.value);
      });
      input.field.addEventListener("change", keep);
    });
    details.addEventListener("toggle", () => details.open && fillTable(table, spec, frame));
    const reset = button("Reset", "Reset: set the controls to where they were", () => {
      play.stop();
      spec.controls.forEach((control, i) => move(i, control.start));
      figure.querySelectorAll(".en-left-behind").forEach((made) => made.remove());
      picks?.clear();
      figure.keys.forEach((key) => state.delete(key));
      if (inBook) writeAddress();
    });
    const bar = element("div", { className: "en-bar" });
    if (!still.matches) bar.append(play.button);
    bar.append(reset);
    if (spec.play !== undefined) bar.append(makeLeave(spec, at, figure, groups));
    if (picks) {
      bar.append(button("Keep", "Keep: pay for what is set, and see it", () => {
        picks.keep(at);
        draw();
      }));
    }
    if (inBook) {
      bar.append(makeCopy(note, keep), makeZoom(spec, drawing, note, () => frame, (redraw) => { zoomed = redraw; }));
    }
    const controls = element("div", { className: "en-controls" }, 
      ...inputs.flatMap(({ label }, i) => (i === spec.ticks?.control ? [label, ticks.region] : label)), bar);
    printed.before(controls); // on paper it says what they are set to
    figure.append(details);
    point(spec, drawing, at, frameAt, () => frame, play, move, keep, set);
    if (picks) draw(); // hides what the drawing shows
    figure.dataset.ready = performance.now().toFixed(1);
    return { set };
  }

  /* Frames in which one mark is what the reader has kept so far: at 1, 2, ..., the y of the one with the least x. */
  function makePicks(spec, frameAt) {
    let [kept, best, notes] = [{ x: [], y: [] }, null, []];
    return {
      frameAt: (at) => {
        const { marks, ticks } = frameAt(at);
        return { marks: marks.map((mark, i) => (i === spec.picks ? kept : mark)), notes, ticks };
      },
      keep: (at) => {
        const { marks, notes: [...told] } = frameAt(at);
        const { x: [x], y: [y] } = marks[spec.picks];
        if (!best || x < best.x) best = { x, y };
        kept = { x: [...kept.x, kept.x.length + 1], y: [...kept.y, best.y] };
        notes = told;
      },
      clear: () => { [kept, best, notes] = [{ x: [], y: [] }, null, []]; },
    };
  }

  function makeInput(control, id) {
    const output = setAll(element("output"), { for: id });
    let field;
    if (control.kind === "choice") {
      field = element("select", { id },
        ...control.texts.map((text, i) => element("option", { value: i, textContent: readable(text) })));
    } else {
      field = element("input", { id, type: "range", min: 0, max: control.texts.length - 1, step: 1 });
    }
    field.dataset.lmSuppressShortcuts = true; // JupyterLab would take the arrow keys for itself
    const show = (index) => {
      field.value = index;
      if (control.kind === "choice") return;
      output.textContent = readable(control.texts[index]);
      field.setAttribute("aria-valuetext", output.textContent);
    };
    const words = element("span", { textContent: readable(control.label) });
    if (control.kind !== "choice") words.append(" = ", output);
    return { field, show, label: element("label", { htmlFor: id }, words, field) };
  }

  /* Rows of two values below a slider: what lies below, between and above them. */
  function makeTicks(spec) {
    const { control, names: [one, two] } = spec.ticks;
    const { values } = spec.controls[control];
    const share = (value) => {
      const k = values.findIndex((v) => v >= value);
      if (value === null || k < 0) return 100;
      return k ? (100 * (k - (values[k] - value) / (values[k] - values[k - 1]))) / (values.length - 1) : 0;
    };
    const region = element("span", { className: "en-ticks" });
    const show = (rows) => region.replaceChildren(...rows.map(([name, ...pair]) => {
      const [a, b] = pair.map(share);
      const told = pair.map((v, i) => `${[one, two][i]} ${v === null ? "none" : readable(v.toPrecision(2))}`).join(", ");
      const strip = element("i");
      strip.style.background = "linear-gradient(90deg,var(--en-base) " +
        `${a}%,currentColor ${a}% calc(${a}% + 2px),transparent calc(${a}% + 2px) ${b}%,var(--en-neuron) ${b}%)`;
      return element("span", {}, strip, `${name}: ${told}`);
    }));
    return { region, show };
  }

  /* A button that leaves the curves in the drawing, in another color, and the first two settings in the key. */
  function makeLeave(spec, at, figure, groups) {
    const colors = ["--en-more-2", "--en-more-3", "--en-diverged"];
    return button("Keep", "Keep this path in the drawing", () => {
      const made = figure.querySelectorAll(".en-key .en-left-behind").length;
      const color = `var(${colors[made % colors.length]})`;
      spec.marks.forEach((mark, i) => {
        if (mark.kind !== "curve") return;
        const copy = groups[i].cloneNode(true);
        copy.classList.add("en-left-behind");
        Object.assign(copy.lastChild.style, { stroke: color, strokeDasharray: `${3 + 3 * made} 3` });
        groups[i].before(copy);
      });
      const name = spec.controls.slice(0, 2).map((c, i) => c.texts[at[i]]).join(", ");
      const line = element("span", { className: "en-left-behind", textContent: readable(`${made + 1}. ${name}`) });
      line.style.borderBottom = `3px dashed ${color}`;
      figure.querySelector(".en-key").append(line);
    });
  }

  function button(text, label, click) {
    const made = setAll(element("button", { type: "button", textContent: text }), { "aria-label": label });
    made.addEventListener("click", click);
    return made;
  }

  function makePlay(spec, at, move, keep) {
    const control = spec.play ?? Math.max(0, spec.controls.findIndex((c) => c.kind === "slider"));
    const last = spec.controls[control].texts.length - 1;
    let timer = 0;
    const begin = () => {
      if (at[control] === last) move(control, 0);
      made.textContent = "Stop";
      const step = () => (at[control] < last ? move(control, at[control] + 1) : stop());
      timer = setInterval(step, Math.max(40, 4000 / (last + 1)));
    };
    const label = `Play: move ${readable(spec.controls[control].label)} through its values`;
    const made = button("Play", label, () => (timer ? stop() : begin()));
    const stop = () => {
      if (!timer) return;
      clearInterval(timer);
      timer = 0;
      made.textContent = "Play";
      keep();
    };
    const release = () => (still.matches ? move(control, last) : begin());
    return { button: made, stop, hold: () => move(control, 0), release };
  }

  function makeCopy(note, keep) {
    const made = button("Copy link", "Copy a link to the figure as it is set", async () => {
      keep();
      try {
        await navigator.clipboard.writeText(location.href);
        made.textContent = "Copied";
      } catch { // a page that is a file has no clipboard
        made.textContent = "In the address";
      }
      setTimeout(() => { made.textContent = "Copy link"; }, 2000);
    });
    return made;
  }

  // --- the pointer: values under it, and points to take hold of -------------------------------------------------------

  function point(spec, drawing, at, frameAt, current, play, move, keep, set) {
    const probe = element("div", { className: "en-probe", hidden: true });
    drawing.append(probe);
    const [right, up] = [along(spec.x), along(spec.y, true)];
    const ground = () => [...drawing.querySelectorAll(".en-ground")]
      .map((rect) => rect.getBoundingClientRect()).find((box) => box.width);
    let taken = null;
    let held = []; // the sliders that are the x and y of what is taken, if they are named

    /* The point of a mark that is nearest to the pointer, within a finger's width. */
    function nearest(event, box, among) {
      let best = null;
      for (const i of among) {
        const { x, y } = current().marks[i];
        if (spec.marks[i].kind === "heat map") continue;
        for (let k = 0; k < x.length; k++) {
          const across = box.left + (box.width * right(x[k])) / UNITS;
          const down = box.top + (box.height * up(y[k])) / UNITS;
          const distance = Math.hypot(across - event.clientX, down - event.clientY);
          if (distance < (best?.distance ?? 24)) best = { i, k, across, down, distance };
        }
      }
      return best;
    }

    function say(event, box) {
      const found = nearest(event, box, spec.marks.keys());
      const told = found ? toldOf(found) : toldOfMap(event, box);
      probe.hidden = !told;
      if (!told) return;
      const outer = drawing.getBoundingClientRect();
      const [across, down] = found ? [found.across, found.down] : [event.clientX, event.clientY];
      probe.textContent = told;
      probe.classList.toggle("en-left", across > box.left + box.width / 2);
      Object.assign(probe.style, { left: `${across - outer.left}px`, top: `${down - outer.top}px` });
    }

    function toldOf({ i, k }) {
      const { x, y, high } = current().marks[i];
      const [across, height] = [spec.x.label || "x", spec.y.label || "y"];
      const upper = high ? ` to ${short(high[k])}` : "";
      return `${spec.marks[i].name}\n${across}: ${short(x[k])}\n${height}: ${short(y[k])}${upper}`;
    }

    function toldOfMap(event, box) {
      const i = spec.marks.findIndex((mark) => mark.kind === "heat map");
      if (i < 0) return "";
      const { x, y, z } = current().marks[i];
      const cell = (centers, share, { lim: [low, high] }) => {
        const k = Math.round((low + share * (high - low) - centers[0]) / (centers[1] - centers[0]));
        return k >= 0 && k < centers.length ? k : -1;
      };
      const column = cell(x, (event.clientX - box.left) / box.width, spec.x);
      const row = cell(y, (box.bottom - event.clientY) / box.height, spec.y);
      return column < 0 || row < 0 ? "" : `${spec.marks[i].name}: ${short(z[row * x.length + column])}`;
    }

    /* Every setting of the sliders, with where it would put the point that was taken. */
    function settings({ i, k }) {
      let all = [[]];
      spec.controls.forEach((control, c) => {
        const indices = control.kind === "slider" ? [...control.texts.keys()] : [at[c]];
        all = all.flatMap((some) => indices.map((index) => [...some, index]));
      });
      return all.map((indices) => {
        const { x, y } = frameAt(indices).marks[i];
        return { indices, x: right(x[k]) / UNITS, y: up(y[k]) / UNITS };
      });
    }

    function follow(event, box) {
      if (held.length) {
        const values = [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
        [spec.x, spec.y].forEach(({ lim: [low, high] }, i) => set(held[i], String(low + values[i] * (high - low))));
        return;
      }
      let [best, least] = [null, Infinity];
      for (const place of taken) {
        const miss = Math.hypot(
          box.left + place.x * box.width - event.clientX, box.top + place.y * box.height - event.clientY);
        // Of two settings that are equally near, the one that changes less.
        const change = place.indices.reduce((sum, index, c) => sum + Math.abs(index - at[c]), 0);
        if (miss + change / 100 < least) [best, least] = [place, miss + change / 100];
      }
      best.indices.forEach((index, c) => index !== at[c] && move(c, index));
    }

    const holdable = (event) => {
      const box = ground();
      return box && spec.drag.length ? nearest(event, box, spec.drag) : null;
    };
    drawing.addEventListener("pointerdown", (event) => {
      const found = holdable(event);
      if (!found) return;
      play.stop();
      event.preventDefault();
      held = spec.held?.[spec.drag.indexOf(found.i)] ?? [];
      taken = held.length ? [] : settings(found);
      if (spec.play !== undefined) play.hold();
      drawing.setPointerCapture(event.pointerId);
    });
    drawing.addEventListener("pointermove", (event) => {
      const box = ground();
      if (!box) return;
      if (taken) follow(event, box);
      else drawing.classList.toggle("en-hold", Boolean(holdable(event)));
      say(event, box);
    });
    const release = () => {
      if (taken) {
        keep();
        if (spec.play !== undefined) play.release();
      }
      taken = null;
    };
    drawing.addEventListener("pointerup", release);
    drawing.addEventListener("pointercancel", release);
    drawing.addEventListener("pointerleave", () => { probe.hidden = true; });
    // A finger that takes hold of a point must not scroll the page.
    drawing.addEventListener("touchstart", (event) => {
      if (holdable(event.touches[0])) event.preventDefault();
    }, { passive: false });
  }

  // --- the data as a table -------------------------------------------------------------------------------------------

  const short = (value) => {
    const four = +(+value).toPrecision(4);
    const plain = !four || (Math.abs(four) >= 1e-3 && Math.abs(four) < 1e5);
    return readable(plain ? String(four) : four.toExponential());
  };

  function fillTable(region, spec, frame) {
    const row = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, { textContent: cell })));
    region.replaceChildren(...spec.marks.map((mark, i) => {
      const { x, y, z, high } = frame.marks[i];
      const [across, up] = [spec.x.label || "x", spec.y.label || "y"];
      const head = z ? [`${up} \\ ${across}`, ...Array.from(x, short)] : high ? [across, up, "to"] : [across, up];
      const cells = (v, k) => (z ? [v, ...z.slice(k * x.length, (k + 1) * x.length)]
        : high ? [v, y[k], high[k]] : [v, y[k]]).map(short);
      return element("table", {}, element("caption", { textContent: mark.name }),
        element("thead", {}, row("th", head)),
        element("tbody", {}, ...Array.from(z ? y : x, (v, k) => row("td", cells(v, k)))));
    }));
  }

  // --- zoom: plotly, fetched only when asked for ---------------------------------------------------------------------

  let plotly = null;
  const loadPlotly = () => plotly ??= new Promise((done, failed) => {
    const loaded = { onload: () => done(window.Plotly), onerror: failed };
    document.head.append(element("script", { src: `${here}plotly.min.js`, ...loaded }));
  });

  /* Plotly reads a little HTML in its texts. */
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

  function makeZoom(spec, drawing, note, current, follow) {
    const plot = element("div", { className: "en-zoom", hidden: true });
    const open = (yes) => {
      plot.hidden = !yes;
      drawing.hidden = yes;
      made.setAttribute("aria-pressed", yes);
    };
    const made = button("Zoom", "Zoom: swap the drawing for one to pan, zoom and read values from", async () => {
      follow(null);
      if (!plot.hidden) {
        open(false);
        return;
      }
      made.textContent = "Loading";
      made.disabled = true;
      try {
        const draw = traces(await loadPlotly(), plot, spec, drawing);
        drawing.after(plot);
        open(true);
        await draw(current());
        follow(draw);
      } catch {
        open(false);
        plotly = null; // the next click tries again
        note.textContent = "Zoom could not be loaded. Check the connection and try again.";
      } finally {
        made.disabled = false;
        made.textContent = "Zoom";
      }
    });
    return made;
  }

  /* Returns a function that draws a frame with plotly. */
  function traces(Plotly, plot, spec, drawing) {
    const ink = getComputedStyle(drawing).color;
    const color = (value) => {
      const probe = element("span");
      probe.style.color = value;
      drawing.append(probe);
      const seen = getComputedStyle(probe).color;
      probe.remove();
      return seen;
    };
    const axis = ({ lim, log, label }) => ({
      title: { text: plain(label) }, type: log ? "log" : "linear", range: log ? lim.map(Math.log10) : lim,
      color: ink, gridcolor: "rgba(128,128,128,.25)", zeroline: false,
    });
    const layout = {
      height: 420, margin: { l: 60, r: 20, t: 40, b: 100 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      font: { color: ink, size: 14 }, legend: { orientation: "h", y: -0.25, yanchor: "top" }, uirevision: "keep",
      xaxis: axis(spec.x), yaxis: axis(spec.y),
    };
    const trace = (mark, { x, y, z, high }) => {
      const common = { name: plain(mark.name), x: Array.from(x), y: Array.from(y) };
      if (z) {
        const bytes = Array.from(atob(mark.colors), (c) => c.charCodeAt(0));
        const colorscale = [0, 85, 170, 255].map((k) => [k / 255, `rgb(${bytes.slice(3 * k, 3 * k + 3)})`]);
        const rows = Array.from(y, (_, k) => Array.from(z.slice(k * x.length, (k + 1) * x.length)));
        return { ...common, type: "heatmap", z: rows, colorscale, zsmooth: "best", zmin: mark.zlim[0], zmax: mark.zlim[1] };
      }
      const dash = mark.dash && mark.dash !== "none" ? `${mark.dash.replaceAll(" ", "px,")}px` : "solid";
      const look = { line: { color: color(mark.color), dash }, marker: { color: color(mark.color), size: 8 } };
      if (mark.kind === "bars") return { ...common, type: "bar", ...look };
      if (high) {
        const middle = common.y.map((v, k) => (v + high[k]) / 2);
        const array = common.y.map((v, k) => (high[k] - v) / 2);
        return { ...common, y: middle, mode: "none", error_y: { array, color: color(mark.color) } };
      }
      return { ...common, mode: mark.kind === "curve" ? "lines" : "markers", ...look };
    };
    return (frame) => Plotly.react(plot, spec.marks.map((mark, i) => trace(mark, frame.marks[i])), layout,
      { responsive: true, displaylogo: false });
  }

  // --- start --------------------------------------------------------------------------------------------------------

  function start(root) {
    const figures = [...root.querySelectorAll("figure.en-explore:not([data-claimed])")];
    claimKeys(figures);
    for (const figure of figures) { // an earlier version may have written these
      for (const text of figure.querySelectorAll(".en-note, .en-at")) text.textContent = readable(text.textContent);
    }
    if (!inBook) {
      figures.forEach(upgrade);
      return;
    }
    figures.slice(0, 1).forEach(upgrade); // moves before the rest of the page has been laid out
    const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      near.unobserve(entry.target);
      upgrade(entry.target);
    }), { rootMargin: "800px" });
    figures.forEach((figure) => near.observe(figure));
    readAddress();
    addEventListener("hashchange", readAddress);
  }
  globalThis.enlibExplore = start; // what a notebook shows starts its own figures
  if (inBook) {
    document.readyState === "loading" ? addEventListener("DOMContentLoaded", () => start(document)) : start(document);
  }
})();
