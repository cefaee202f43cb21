/* Typesets the page's formulas with KaTeX, before the first look at them. */
for (const element of document.querySelectorAll(".math")) {
  const text = element.lastChild?.textContent.trim() ?? "";
  const found = /^\\([(\[])([\s\S]*)\\[)\]]$/.exec(text);
  if (!found) continue;
  const formula = document.createElement("span");
  katex.render(found[2], formula, { displayMode: found[1] === "[", throwOnError: false, strict: "ignore" });
  element.lastChild.replaceWith(formula);
}
