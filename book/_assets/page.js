// What the pages do beyond being read: ask before they show, fold and unfold all code, print, be slides. Without it all
// is in view.
(() => {
  const here = document.currentScript.src;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const memory = (() => {
    try {
      return window.localStorage;
    } catch {
      return {}; // forbidden: nothing is remembered
    }
  })();

  for (const button of all("[data-en-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
  // Paper is light: a dark page prints as a light one.
  const look = document.documentElement.dataset;
  let theme;
  addEventListener("beforeprint", () => ([theme, look.theme] = [look.theme, "light"]));
  addEventListener("afterprint", () => (look.theme = theme));

  for (const button of all("[data-en-code]")) {
    const show = (open) => {
      for (const pill of all("details.en-code")) pill.open = open;
      button.setAttribute("aria-pressed", open);
      memory.enCode = open ? "open" : "";
    };
    button.hidden = false;
    if (memory.enCode) show(true);
    button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
  }

  // What a prediction is about: the first figure or table below it, with what is printed before and beside it, up to the
  // next heading or prediction; where there is none, the first printed lines. And the text below, which explains it.
  function askedAbout(box) {
    const groups = [];
    let group;
    for (let next = box.nextElementSibling; next && !next.matches("section, .predict"); next = next.nextElementSibling) {
      const output = next.matches(".cell") && next.querySelector(".cell_output");
      if (output) {
        if (!group) groups.push((group = []));
        group.push(output);
      } else if (!next.matches("details.en-code")) {
        group = null;
      }
    }
    const shown = groups.findIndex((outputs) => outputs.some((output) => output.querySelector("figure, table")));
    const asked = groups.slice(0, Math.max(shown, 0) + 1).flat();
    let next = asked.at(-1)?.closest(".cell").nextElementSibling;
    for (; next?.matches("p, ul, ol, .math, details.en-code"); next = next.nextElementSibling) {
      if (!next.matches("details")) asked.push(next);
    }
    return asked;
  }

  // Slides ask on one and show on the next; a handout asks and shows nothing.
  const presented = /[?&](slides|handout)\b/.test(location.search);
  if (presented) {
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("slides.css", here) });
    style.onload = () => document.head.append(Object.assign(document.createElement("script"), { src: new URL("slides.js", here) }));
    document.head.append(style);
  }

  const linked = presented || location.hash.includes("="); // to a figure, set as someone else has seen it
  for (const box of all(".admonition.predict")) {
    const fold = box.querySelector(":scope > details.en-answer");
    const answers = all(":scope > ol.en-answers > li", box);
    const right = parseInt(fold?.querySelector("strong")?.textContent) - 1;
    if (!(right < answers.length)) continue;

    const veiled = linked ? [] : askedAbout(box);
    const veil = (on) => {
      for (const part of veiled) {
        part.classList.toggle("en-veiled", on);
        part.inert = on;
      }
    };
    veil(true);
    fold.addEventListener("toggle", () => veil(!fold.open));

    const reply = document.createElement("p");
    reply.className = "en-reply";
    reply.setAttribute("role", "status");
    fold.before(reply);
    answers.forEach((answer, k) => {
      const button = document.createElement("button");
      button.type = "button";
      const text = answer.querySelector("p") ?? answer;
      const said = text.cloneNode(true); // a button is called by its text, and MathML is none
      for (const math of all(".katex", said)) math.replaceWith(math.querySelector("semantics > *").textContent);
      if (text.querySelector(".katex")) button.setAttribute("aria-label", said.textContent.trim());
      button.append(...text.childNodes);
      text.append(button);
      button.addEventListener("click", () => {
        answers.forEach((other, j) => {
          other.classList.toggle("en-right", j === right);
          other.classList.toggle("en-wrong", j === k && k !== right);
        });
        reply.textContent = k === right ? "Right." : `You chose ${k + 1}. It is ${right + 1}:`;
        fold.open = true;
      });
    });
  }

  // A result of the search shows each formula once, in a line: 1/2 λw^2. (As it is set, the denominator comes first.)
  const signs = { mfrac: "/", msub: "_", msup: "^", munder: "_", mover: "^" };
  addEventListener("DOMContentLoaded", () => {
    if (typeof Search === "undefined") return;
    const plain = Search.htmlToText;
    Search.htmlToText = (page, anchor) => {
      const read = new DOMParser().parseFromString(page, "text/html");
      for (const twice of all(".katex-html, annotation", read)) twice.remove();
      for (const math of all("mfrac, msub, msup, munder, mover", read)) {
        if (/^[′¯ˉˆ˙˜~^→⃗]/.test(math.lastElementChild.textContent)) continue; // an accent
        for (const part of math.children) if (/[^\p{L}\d.′]./u.test(part.textContent)) part.prepend("("), part.append(")");
        math.lastElementChild.before(signs[math.localName]);
      }
      return plain.call(Search, read.documentElement.outerHTML, anchor);
    };
  });
})();
