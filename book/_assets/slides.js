// A page as slides (?slides) or as a handout of one sheet (?handout), made of what the page holds: its questions,
// figures, formulas, code and exercises. Nothing is copied: what does not belong to the slide is hidden, so that the
// figures stay alive.
(() => {
  const asked = new URLSearchParams(location.search);
  const handout = asked.has("handout");
  const article = document.querySelector("article.bd-article");
  const root = document.documentElement;
  root.classList.add(handout ? "en-handout" : "en-slides");

  // --- what is shown: groups of elements, in the order of the page ----------------------------------------------------

  const groups = [];
  const add = (kind, ...elements) => groups.push({ kind, elements: elements.filter(Boolean) });
  for (const section of article.querySelectorAll("section")) {
    const title = section.querySelector(":scope > :is(h1, h2, h3)");
    const parts = [...section.children];
    if (title?.matches("h1")) add("title", ...parts.slice(0, 1 + parts.findIndex((part) => part.matches("ul"))));
    const exercises = title?.textContent.startsWith("Exercises");
    let exercise;
    parts.forEach((part, k) => {
      const before = parts[k - 1]?.matches("p") ? parts[k - 1] : null;
      if (part.matches(".predict")) add("question", part);
      else if (part.matches(".admonition")) add("theorem", part);
      else if (part.matches(".cell") && part.querySelector("figure, .en-table, img")) add("figure", part);
      else if (part.matches(".cell.tag_lesson, form[data-loop]")) add("code", part);
      else if (part.matches("div.math") && !exercises) add("formula", before, part);
      else if (part.matches("ul") && title?.textContent.startsWith("What you saw")) add("end", part);
      else if (exercises && part.matches("p") && /^\d/.test(part.textContent)) add("exercise", (exercise = part));
      else if (exercise && part.matches("form, p, div.math, ul, ol")) groups.at(-1).elements.push(part);
      else if (part.matches("details")) exercise = null;
    });
  }

  // Shows some elements with the headings above them, and hides everything beside them and their ancestors.
  function show(elements) {
    for (const old of document.querySelectorAll(".en-on, .en-way")) old.classList.remove("en-on", "en-way");
    const headings = new Set();
    for (const element of elements) {
      element.classList.add("en-on");
      for (let up = element.parentElement; up; up = up.parentElement) {
        up.classList.add("en-way");
        if (up.matches("section")) headings.add(up.querySelector(":scope > :is(h1, h2, h3)"));
      }
    }
    headings.delete(null);
    const kept = handout ? headings : [[...headings].find((heading) => heading.matches("h2")) ?? [...headings][0]];
    for (const heading of kept) heading?.classList.add("en-on");
  }

  // Sets about the largest size of text, in pixels, at which the article fits its place; whether there is one.
  function fit(height, largest, smallest) {
    const code = handout ? [] : [...article.querySelectorAll(".en-on .highlight pre")];
    const fits = (size) => {
      root.style.fontSize = `${size}px`;
      return article.getBoundingClientRect().height <= height && (handout || root.scrollWidth <= innerWidth)
        && code.every((block) => block.scrollWidth <= block.clientWidth);
    };
    if (fits(largest)) return true;
    let [low, high] = [smallest, largest];
    while (high - low > 0.03 * low) {
      const middle = (low + high) / 2;
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return fits(low);
  }

  const bar = document.createElement("nav");
  bar.className = "en-slides-bar";
  const button = (text, label, pressed) => {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", textContent: text, title: label });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", pressed);
    bar.append(made);
    return made;
  };
  const leave = () => { location.href = location.pathname; };
  document.body.append(bar);

  // --- a handout: as much as one sheet holds -------------------------------------------------------------------------

  if (handout) {
    groups[0].elements = groups[0].elements.filter((element) => element.matches("h1"));
    const figures = groups.filter(({ kind }) => kind === "figure");
    if (figures.length) figures[0].kind = "first figure";
    // What yields first comes last.
    const ranks = ["title", "question", "theorem", "exercise", "first figure", "formula", "figure"];
    const rank = ({ kind }) => ranks.indexOf(kind);
    const kept = groups.filter((group) => rank(group) >= 0 && figures.indexOf(group) < 3);
    button("Print", "Print the handout", () => print());
    button("Leave", "Back to the page", leave);
    document.fonts.ready.then(() => {
      for (;;) {
        show(kept.flatMap(({ elements }) => elements));
        if (fit(930, 10.7, 10.7) || kept.length < 3) break;
        const most = Math.max(...kept.map(rank));
        kept.splice(kept.findLastIndex((group) => rank(group) === most), 1);
      }
      fit(930, 13, 10.7);
      root.dataset.ready = kept.length;
    });
    return;
  }

  // --- slides --------------------------------------------------------------------------------------------------------

  let at = Math.min(groups.length, Math.max(1, parseInt(asked.get("slides")) || 1)) - 1;
  const place = document.createElement("span");
  function go(to) {
    at = Math.min(groups.length - 1, Math.max(0, to));
    document.activeElement?.blur();
    show(groups[at].elements);
    root.dataset.kind = groups[at].kind;
    place.textContent = `${at + 1} / ${groups.length}`;
    const address = new URL(location);
    address.searchParams.set("slides", at + 1);
    try {
      history.replaceState(null, "", address);
    } catch {
      // a page that is a file may not
    }
    scrollTo(0, 0);
    fitted();
  }
  // A figure with many controls is made narrower; what then does not fit, as a long table, is scrolled.
  function fitted() {
    const figure = article.querySelector(".en-on figure.en-figure");
    if (figure) figure.style.width = "";
    if (fit(innerHeight - 56, innerHeight / 26, 12)) return;
    for (let width = figure?.offsetWidth; width > 400; width *= 0.95) {
      figure.style.width = `${width}px`;
      if (article.offsetHeight <= innerHeight - 56) return;
    }
    root.style.fontSize = "16px";
  }
  button("←", "Back (Page Up)", () => go(at - 1));
  bar.append(place);
  button("→", "Next (Page Down)", () => go(at + 1));
  button("Full screen", "Full screen (f)", () => document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen());
  button("Leave", "Back to the page", leave);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("textarea")) return;
    const steps = { PageDown: at + 1, PageUp: at - 1 };
    const more = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: groups.length - 1 };
    const to = steps[event.key] ?? (event.target.matches("input, select") ? undefined : more[event.key]);
    if (to !== undefined) {
      event.preventDefault();
      go(to);
    } else if (event.key === "f" && !event.target.matches("input, select")) {
      bar.children[3].click();
    }
  }, true);
  addEventListener("resize", fitted);
  // An answer that opens needs room, and so does a figure that gets its controls.
  let settled;
  new ResizeObserver(() => {
    if (article.offsetHeight === settled) return;
    fitted();
    settled = article.offsetHeight;
  }).observe(article);
  document.fonts.ready.then(() => go(at));
})();
