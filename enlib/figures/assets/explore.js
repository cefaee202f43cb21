/* Moves the figures of this course: controls over frames that Python computed, or over a closed form that is a script
   of the page. A figure is a drawing before this script runs, and stays one without it.
   A classic script without dependencies, so that it works from file:// and inside the output of a notebook. The book
   loads it once; a notebook repeats it below each figure, where it leaves the address alone and has no zoom. */
(() => {
  "use strict";
  const inBook = Boolean(document.currentScript?.src);
  const here = inBook ? document.currentScript.src.replace(/[^/]*$/, "") : "";
  const still = matchMedia("(prefers-reduced-motion: reduce)");

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

  /* Returns a function from the indices of the controls to [{x, y, z}, ...] and the notes. */
  function source(spec, figure) {
    if (spec.marks[0].x === undefined) {
      const compute = globalThis.enlibClosedForms[figure.id];
      return (at) => {
        const values = Object.fromEntries(spec.controls.map((c, i) => [c.name, c.values[at[i]]]));
        const frame = compute(values);
        return { marks: spec.marks.map((m) => frame[m.name]), notes: spec.notes.map((name) => frame[name]) };
      };
    }
    const stored = spec.marks.map((mark) =>
      ["x", "y", "z"].filter((q) => mark[q]).map((q) => [q, mark[q].shared, mark[q].n, unpack(mark[q])]));
    return (at) => {
      const k = spec.controls.reduce((index, c, i) => index * c.texts.length + at[i], 0);
      const slice = ([q, shared, n, all]) => [q, shared ? all : all.subarray(k * n, (k + 1) * n)];
      return { marks: stored.map((quantities) => Object.fromEntries(quantities.map(slice))), notes: spec.notes[k] };
    };
  }

  // --- drawing: as enlib/figures/page.py draws the first frame -------------------------------------------------------

  const scaled = (value, axis) => (axis.log ? Math.log10(value) : value);

  function toPixels(values, axis, low, high) {
    const [a, b] = axis.lim.map((end) => scaled(end, axis));
    const pixels = (v) => low + ((scaled(v, axis) - a) / (b - a)) * (high - low);
    return Array.from(values, (v) => Math.min(2000, Math.max(-2000, pixels(v))));
  }

  function path(spec, mark, data) {
    const [left, top, right, bottom] = spec.box;
    const x = toPixels(data.x, spec.x, left, right);
    const y = toPixels(data.y, spec.y, bottom, top);
    const at = x.map((v, i) => `${v.toFixed(1)} ${y[i].toFixed(1)}`);
    if (mark.kind === "points") return at.map((p) => `M${p}h0`).join("");
    if (mark.kind === "curve") return `M${at.join("L")}`;
    const zero = (spec.y.log ? bottom : toPixels([0], spec.y, bottom, top)[0]).toFixed(1);
    const [a, b] = spec.x.lim.map((end) => scaled(end, spec.x));
    const half = 0.4 * (x.length > 1 ? x[1] - x[0] : (right - left) / (b - a));
    return x.map((v, i) =>
      `M${(v - half).toFixed(1)} ${zero}V${y[i].toFixed(1)}H${(v + half).toFixed(1)}V${zero}Z`).join("");
  }

  function heatMap(spec, mark, data) {
    const colors = (spec.lookup ??= Uint8Array.from(atob(spec.colormap), (c) => c.charCodeAt(0)));
    const [columns, rows] = [data.x.length, data.y.length];
    const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    const [low, high] = mark.zlim;
    data.z.forEach((z, i) => {
      const row = rows - 1 - Math.floor(i / columns); // the first row of z is the lowest
      const color = 3 * Math.min(255, Math.max(0, Math.floor(256 * (z - low) / (high - low || 1))));
      const pixel = 4 * (row * columns + (i % columns));
      for (let c = 0; c < 3; c++) image.data[pixel + c] = colors[color + c];
      image.data[pixel + 3] = 255;
    });
    context.putImageData(image, 0, 0);
    const outer = (centers) => {
      const half = centers.length > 1 ? (centers[1] - centers[0]) / 2 : 0.5;
      return [centers[0] - half, centers.at(-1) + half];
    };
    const [left, right] = toPixels(outer(data.x), spec.x, spec.box[0], spec.box[2]);
    const [bottom, top] = toPixels(outer(data.y), spec.y, spec.box[3], spec.box[1]);
    return { href: canvas.toDataURL(), x: left, y: top, width: right - left, height: bottom - top };
  }

  const STYLES = {
    "heat map": () => "image-rendering:pixelated",
    bars: ({ color }) => `fill:${color}`,
    points: ({ color }) => `fill:none;stroke:${color};stroke-width:7;stroke-linecap:round`,
    curve: ({ color, dash }) =>
      `fill:none;stroke:${color};stroke-width:1.8;stroke-linejoin:round;stroke-dasharray:${dash}`,
  };

  /* Puts empty marks in the place of those that Python drew. */
  function makeMarks(spec, drawing) {
    const make = (tag, attributes) => setAll(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);
    const marks = spec.marks.map((mark) =>
      make(...(mark.kind === "heat map" ? ["image", { preserveAspectRatio: "none" }] : ["path", {}])));
    marks.forEach((mark, i) => setAll(mark, { class: "en-mark", style: STYLES[spec.marks[i].kind](spec.marks[i]) }));
    const [x, y, width, height] = [spec.box[0], spec.box[1], spec.box[2] - spec.box[0], spec.box[3] - spec.box[1]];
    // A nested svg clips what it holds to the axes, and keeps the coordinates.
    const frame = make("svg", { class: "en-marks", x, y, width, height, viewBox: `${x} ${y} ${width} ${height}` });
    frame.append(...marks);
    const first = drawing.querySelectorAll(".en-first");
    first[0].before(frame);
    first.forEach((mark) => { mark.style.display = "none"; }); // not removed: the legend refers to its shapes
    return marks;
  }

  const setAll = (element, attributes) => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };

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
    first?.scrollIntoView({ block: "center" });
  }

  function writeAddress() {
    try {
      history.replaceState(null, "", `#${new URLSearchParams([...state])}`);
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

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

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
    const frameAt = source(spec, figure);
    const at = spec.controls.map((c) => c.start);
    frameAt(at); // what cannot be shown fails here, before anything is changed
    const drawing = figure.querySelector(".en-drawing");
    const note = figure.querySelector(".en-note");
    const inputs = spec.controls.map((control) => makeInput(control, figure));
    const table = element("div", { className: "en-data", tabIndex: 0 });
    table.setAttribute("role", "region");
    table.setAttribute("aria-label", "The data of the figure");
    const details = element("details", {}, element("summary", { textContent: "Show the data" }), table);
    let marks = null;
    let pending = 0;
    let zoomed = null;

    function draw() {
      pending = 0;
      const frame = frameAt(at);
      const shapes = spec.marks.map((mark, i) =>
        mark.kind === "heat map" ? heatMap(spec, mark, frame.marks[i]) : { d: path(spec, mark, frame.marks[i]) });
      marks ??= makeMarks(spec, drawing);
      marks.forEach((mark, i) => setAll(mark, shapes[i]));
      note.textContent = frame.notes.join(" ");
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

    const play = makePlay(spec, at, inputs, move);
    inputs.forEach((input, control) => {
      input.show(at[control]);
      input.field.addEventListener("input", () => {
        play.stop();
        move(control, +input.field.value);
      });
      input.field.addEventListener("change", () => {
        state.set(figure.keys[control], spec.controls[control].texts[at[control]]);
        if (inBook) writeAddress();
      });
    });
    details.addEventListener("toggle", () => details.open && fillTable(table, spec, frameAt(at)));
    const buttons = element("div", { className: "en-buttons" });
    if (!still.matches) buttons.append(play.button);
    if (inBook) buttons.append(makeZoom(spec, drawing, note, () => frameAt(at), (redraw) => { zoomed = redraw; }));
    const controls = element("div", { className: "en-controls" }, ...inputs.map((input) => input.label), buttons);
    figure.querySelector(".en-at").replaceWith(controls);
    figure.append(details);
    figure.dataset.ready = performance.now().toFixed(1);
    return { set };
  }

  function makeInput(control, figure) {
    let id = `${figure.id}-${control.name}`;
    while (document.getElementById(id)) id = `x-${id}`; // a notebook can show one figure twice
    const last = control.texts.length - 1;
    const output = element("output");
    output.setAttribute("for", id);
    let field;
    if (control.kind === "choice") {
      const options = control.texts.map((text, i) => element("option", { value: i, textContent: text }));
      field = element("select", { id }, ...options);
    } else {
      field = element("input", { id, type: "range", min: 0, max: last, step: 1 });
    }
    field.dataset.lmSuppressShortcuts = true; // JupyterLab would take the arrow keys for itself
    const show = (index) => {
      field.value = index;
      if (control.kind === "choice") return;
      output.textContent = control.texts[index];
      field.setAttribute("aria-valuetext", control.texts[index]);
    };
    const name = element("span", { textContent: control.label });
    const parts = control.kind === "choice" ? [name, field] : [name, field, output];
    return { field, show, label: element("label", { htmlFor: id }, ...parts) };
  }

  function makePlay(spec, at, inputs, move) {
    const [control] = spec.controls;
    const button = element("button", { type: "button", textContent: "Play" });
    button.setAttribute("aria-label", `Play: move ${control.label} through its values`);
    let timer = 0;
    const stop = () => {
      if (!timer) return;
      clearInterval(timer);
      timer = 0;
      button.textContent = "Play";
      inputs[0].field.dispatchEvent(new Event("change"));
    };
    button.addEventListener("click", () => {
      if (timer) {
        stop();
        return;
      }
      const last = control.texts.length - 1;
      if (at[0] === last) move(0, 0);
      button.textContent = "Stop";
      timer = setInterval(() => (at[0] < last ? move(0, at[0] + 1) : stop()), Math.max(60, 4000 / (last + 1)));
    });
    return { button, stop };
  }

  // --- the data as a table -------------------------------------------------------------------------------------------

  const short = (value) => String(+(+value).toPrecision(4));

  function fillTable(region, spec, frame) {
    const row = (tag, cells) => element("tr", {}, ...cells.map((cell) => element(tag, { textContent: cell })));
    region.replaceChildren(...spec.marks.map((mark, i) => {
      const { x, y, z } = frame.marks[i];
      const [across, up] = [spec.x.label || "x", spec.y.label || "y"].map((label) => label.replaceAll("$", ""));
      const head = z ? row("th", [`${up} \\ ${across}`, ...Array.from(x, short)]) : row("th", [across, up]);
      const body = Array.from(z ? y : x, (v, k) =>
        row("td", z ? [v, ...z.slice(k * x.length, (k + 1) * x.length)].map(short) : [short(v), short(y[k])]));
      return element("table", {}, element("caption", { textContent: mark.name }), element("thead", {}, head),
        element("tbody", {}, ...body));
    }));
  }

  // --- zoom: plotly, fetched only when asked for ---------------------------------------------------------------------

  let plotly = null;
  const loadPlotly = () => plotly ??= new Promise((done, failed) => {
    const loaded = { onload: () => done(window.Plotly), onerror: failed };
    document.head.append(element("script", { src: `${here}plotly.min.js`, ...loaded }));
  });

  /* Plotly reads a little HTML in its texts, and its own TeX. */
  const plain = (text) => text.replaceAll("$", "").replaceAll("&", "&amp;").replaceAll("<", "&lt;");

  function makeZoom(spec, drawing, note, current, follow) {
    const button = element("button", { type: "button", textContent: "Zoom" });
    button.setAttribute("aria-label", "Zoom: swap the drawing for one to pan, zoom and read values from");
    const plot = element("div", { className: "en-zoom", hidden: true });
    const open = (yes) => {
      plot.hidden = !yes;
      drawing.hidden = yes;
      button.setAttribute("aria-pressed", yes);
    };
    button.addEventListener("click", async () => {
      follow(null);
      if (!plot.hidden) {
        open(false);
        return;
      }
      button.textContent = "Zoom ...";
      button.disabled = true;
      let Plotly;
      try {
        Plotly = await loadPlotly();
      } catch {
        plotly = null; // the next click tries again
        note.textContent = "Zoom could not be loaded. Check the connection and try again.";
        return;
      } finally {
        button.disabled = false;
        button.textContent = "Zoom";
      }
      drawing.after(plot);
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
        color: ink, gridcolor: "rgba(128,128,128,.25)",
      });
      const layout = {
        height: 380, margin: { l: 60, r: 20, t: 30, b: 50 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
        font: { color: ink }, legend: { orientation: "h", y: 1.15 }, xaxis: axis(spec.x), yaxis: axis(spec.y),
        uirevision: "keep",
      };
      const dash = (mark) => (mark.dash === "none" ? "solid" : mark.dash.replaceAll(" ", "px,") + "px");
      const kinds = { "heat map": "heatmap", bars: "bar" };
      const redraw = (frame) => Plotly.react(plot, spec.marks.map((mark, i) => {
        const { x, y, z } = frame.marks[i];
        const look = kinds[mark.kind] ? {} : { mode: mark.kind === "curve" ? "lines" : "markers" };
        const rows = z && Array.from(y, (_, k) => Array.from(z.slice(k * x.length, (k + 1) * x.length)));
        return {
          type: kinds[mark.kind] ?? "scatter", name: plain(mark.name), x: Array.from(x), y: Array.from(y), ...look,
          ...(z ? { z: rows, colorscale: "Cividis", zmin: mark.zlim[0], zmax: mark.zlim[1] }
            : { line: { color: color(mark.color), dash: dash(mark) }, marker: { color: color(mark.color) } }),
        };
      }), layout, { responsive: true, displaylogo: false });
      open(true);
      await redraw(current());
      follow(redraw);
    });
    return button;
  }

  // --- start --------------------------------------------------------------------------------------------------------

  function start() {
    const figures = [...document.querySelectorAll("figure.en-explore:not([data-claimed])")];
    claimKeys(figures);
    if (!inBook) {
      figures.forEach(upgrade);
      return;
    }
    const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      near.unobserve(entry.target);
      upgrade(entry.target);
    }), { rootMargin: "800px" });
    figures.forEach((figure) => near.observe(figure));
    readAddress();
    addEventListener("hashchange", readAddress);
  }
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", start) : start();
})();
