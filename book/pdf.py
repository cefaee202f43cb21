"""Print the built book to one PDF, with its figures, links and an outline, in Chromium: ``make pdf``.

All pages are put into one document, in the order of the contents, as they print from the browser: solutions open, and
folded code left out. Build the book first. Writes ``_build/book.pdf``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402

# Replaces the page by all pages, one article each. An identifier gets the name of its page before it, so that links
# between pages lead within the document; what leads to the rest of the site leads nowhere.
JOIN = """async ([title, author, parts]) => {
  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const pages = parts.flatMap(([, files]) => files), name = (file) => file.replaceAll("/", "-");
  const known = new Map(pages.map((file) => [new URL(`/${file}.html`, location).href, name(file)]));
  const articles = [], titles = new Map();
  for (const file of pages) {
    const address = new URL(`/${file}.html`, location);
    const text = await (await fetch(address)).text();
    const article = document.adoptNode(new DOMParser().parseFromString(text, "text/html").querySelector("article"));
    for (const script of article.querySelectorAll("script")) script.remove();
    for (const image of article.querySelectorAll("img")) {
      image.src = new URL(image.getAttribute("src"), address);
      image.loading = "eager";
    }
    for (const element of article.querySelectorAll("[id]:not(figure, svg, svg *)")) {
      element.id = `${name(file)}--${element.id}`;
    }
    for (const link of article.querySelectorAll("a[href]")) {
      const to = new URL(link.getAttribute("href"), address), anchor = decodeURIComponent(to.hash.slice(1));
      const page = known.get(to.origin + to.pathname);
      if (page) link.href = `#${page}` + (anchor && !anchor.includes("=") ? `--${anchor}` : "");
      else if (to.origin === location.origin) link.removeAttribute("href");
    }
    article.id = name(file);
    titles.set(file, article.querySelector("h1").firstChild.textContent);
    articles.push(article);
  }
  const cover = made("section", { className: "en-cover" }, made("h1", { textContent: title }),
    made("img", { src: "/_static/social-card.png" }), made("p", { textContent: author }),
    ...document.querySelectorAll(".extra_footer p"));
  const contents = made("nav", { className: "en-contents" }, made("h2", { textContent: "Contents" }),
    ...parts.flatMap(([caption, files]) => [made("p", { textContent: caption }), made("ol", {}, ...files.map((file) =>
      made("li", {}, made("a", { href: `#${name(file)}`, textContent: titles.get(file) }))))]));
  document.body.replaceChildren(made("main", { className: "bd-content" }, cover, contents, ...articles));
  document.documentElement.dataset.theme = "light";
  document.title = title;
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  const lost = [...document.querySelectorAll("a[href^='#']")].map((link) => decodeURIComponent(link.hash.slice(1)))
    .filter((id) => !document.getElementById(id));
  return { lost: [...new Set(lost)] };
}"""
STYLE = """
article, .en-contents { break-before: page; }
article h1, .en-cover h1 { display: block !important; }
main.bd-content { display: block; }
.en-cover { padding-top: 60mm; text-align: center; }
.en-cover h1 { font-size: 34pt !important; text-align: center !important; }
.en-cover img { width: 120mm; margin: 15mm auto; }
.en-contents p { margin: .8rem 0 .2rem; font-weight: 650; }
.en-contents ol { margin: 0; padding: 0 0 0 1rem; list-style: none; }
"""
FOOT = '<p class="pageNumber" style="width:100%;margin:0 14mm;font:8pt sans-serif;color:#555;text-align:right"></p>'


def contents(root: Path = ROOT) -> tuple[str, str, list[tuple[str, list[str]]]]:
    """Return the title of the book, its author, and for each part of it the caption and the pages."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    parts = [(part["caption"], [chapter["file"] for chapter in part["chapters"]]) for part in toc["parts"]]
    return config["title"], config["author"], [("The course", [toc["root"]]), *parts]


def print_book(site: Path, target: Path, parts: Any) -> list[str]:
    """Print a built site to a PDF, and return the anchors of links that lead nowhere.

    Parameters
    ----------
    site : Path
        The folder of the pages.
    target : Path
        The file to write.
    parts : tuple
        What `contents` returns.
    """
    with browser.served(site) as address, browser.launched() as chromium:
        page = chromium.new_page()
        page.set_default_timeout(600_000)
        page.goto(address + parts[2][0][1][0] + ".html")
        page.emulate_media(media="print", color_scheme="light")
        joined = page.evaluate(JOIN, parts)
        page.add_style_tag(content=STYLE)
        page.pdf(
            path=target, format="A4", outline=True, tagged=True, print_background=True,
            display_header_footer=True, header_template="<p></p>", footer_template=FOOT,
            margin=dict.fromkeys(("top", "right", "bottom", "left"), "14mm"),
        )  # fmt: skip
    return list(joined["lost"])


if __name__ == "__main__":
    built = ROOT / "_build" / "html"
    pages = [file for _, files in contents()[2] for file in files]
    if missing := [file for file in pages if not (built / f"{file}.html").is_file()]:
        sys.exit(f"expected the built book, got it without {len(missing)} of {len(pages)} pages: run make book")
    if browser.find() is None:
        sys.exit("expected Chromium or Chrome, got none: install one, or name it in ENLIB_BROWSER")
    lost = print_book(built, ROOT / "_build" / "book.pdf", contents())
    if lost:
        sys.exit(f"links that lead nowhere: {', '.join(lost)}")
    print("Open _build/book.pdf")
