"""The built book: pages that are there, links that lead somewhere, and a build that does not lie."""

import doctest
import importlib.util
import os
import re
import runpy
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from pybtex.database import parse_file

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
NO_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "README.md")


def pages_of_the_toc():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


@pytest.fixture(scope="module")
def soups():
    if not SITE.is_dir():
        pytest.fail("expected the built book in _build/html, got none: run make book")
    pages = [page for page in SITE.rglob("*.html") if "_static" not in page.parts]  # the theme's templates
    return {page: BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser") for page in pages}


@pytest.mark.book
@pytest.mark.parametrize("page", pages_of_the_toc())
def test_page_is_there_and_has_something_to_say(soups, page):
    soup = soups[SITE / f"{page}.html"]
    assert soup.find("h1")
    assert len(soup.find("article").get_text()) > 500


# What only Jupyter Book itself, live cells, comments and LaTeX need.
_LEFT_OUT = {
    "jupyter_book",
    "sphinx_thebe",
    "sphinx_comments",
    "sphinx_jupyterbook_latex",
    "sphinx_multitoc_numbering",
}
_OF_THESE = {"comments_config", "latex_engine", "use_jupyterbook_latex", "use_multitoc_numbering"}


def test_plain_sphinx_is_configured_as_jupyter_book_is(monkeypatch):
    from jupyter_book.config import get_final_config

    monkeypatch.setattr(sys, "path", [*sys.path])  # both add book/_ext
    options = {"latex_individualpages": False}
    expected, _ = get_final_config(user_yaml=ROOT / "_config.yml", cli_config=options, sourcedir=ROOT)
    expected = {name: value for name, value in expected.items() if name not in _OF_THESE}
    expected["extensions"] = [name for name in expected["extensions"] if name not in _LEFT_OUT]
    for name in ("bibtex_bibfiles", "html_static_path"):
        expected[name] = [os.path.relpath(ROOT / path, ROOT / "book") for path in expected[name]]
    expected["html_favicon"] = os.path.relpath(ROOT / expected["html_favicon"], ROOT / "book")
    found = runpy.run_path(str(ROOT / "book" / "conf.py"))
    assert {name: found.get(name) for name in expected} == expected
    assert {name for name in found if not name.startswith("_")} == {"Path", "sys", *expected}


@pytest.mark.book
def test_index_leads_to_the_first_page(soups):
    assert "book/intro.html" in str(soups[SITE / "index.html"])


@pytest.mark.book
def test_only_the_page_of_the_search_loads_its_index(soups):
    pages = {page for page, soup in soups.items() if soup.find("script", src=re.compile("searchindex"))}
    assert pages <= {SITE / "search.html", SITE / "genindex.html"}
    assert SITE / "search.html" in pages


@pytest.mark.book
def test_a_link_to_a_notebook_shows_a_card_of_its_own(soups):
    shown, notebooks = set(), sorted((ROOT / "notebooks").glob("*.ipynb"))
    for path in notebooks:
        metas = soups[SITE / "notebooks" / f"{path.stem}.html"].find_all("meta")
        tags = {tag.get("property"): tag.get("content") for tag in metas}
        card = SITE / "_static" / tags["og:image"].partition("/_static/")[2]
        shown.add(card)
        assert struct.unpack(">2I", card.read_bytes()[16:24]) == (1200, 630)
        assert tags["og:title"] in tags["og:image:alt"]
        assert len(tags["og:description"]) > 40
    assert len(shown) == len(notebooks)


@pytest.mark.book
def test_notebook_pages_have_boxes_dropdowns_figures_with_text_alternatives_and_no_errors(soups):
    pages = [page for page in soups if page.parent.name == "notebooks"]
    assert pages
    for page in pages:
        assert soups[page].select("div.admonition.predict")
        assert soups[page].select("details.sd-dropdown")
        figures = soups[page].select("figure.en-figure [role=img]")
        assert figures
        assert all(figure["aria-label"].strip() for figure in figures)
        assert not soups[page].select(".cell_output .traceback, .cell_output .stderr")
        assert all(image.get("alt") for image in soups[page].select("article img"))


@pytest.mark.book
def test_a_prediction_with_answers_has_the_right_one_in_its_fold(soups):
    boxes = [box for soup in soups.values() for box in soup.select(".admonition.predict:has(> ol.en-answers)")]
    assert len(boxes) >= 50
    for box in boxes:
        answers = box.select(":scope > ol.en-answers > li")
        right = box.select_one(":scope > details.en-answer strong").get_text()
        assert 2 <= len(answers) <= 4, box.get_text()
        assert re.fullmatch(r"[1-4]\.", right), box.get_text()
        assert int(right[0]) <= len(answers), box.get_text()


@pytest.mark.book
def test_a_notebook_opens_with_its_times_and_folds_all_code_but_the_lessons(soups):
    for page, soup in soups.items():
        if page.parent.name == "notebooks":
            first = nbformat.read(ROOT / "notebooks" / f"{page.stem}.ipynb", as_version=4).cells[0].source
            minutes = re.search(r"(\d+) minutes to read", first)[1]
            assert soup.select_one(".en-strip").get_text().startswith(f"{minutes} min to read")
            for code in soup.select("article .cell_input"):
                assert code.find_parent("details", class_="en-code") or code.find_parent(class_="tag_lesson")
            assert "not answered yet" not in soup.article.get_text()


@pytest.mark.book
def test_formulas_are_well_formed_for_screen_readers(soups):
    """KaTeX gives an operator as an index, as in lambda_max, three children instead of two."""
    needed = dict.fromkeys(("msub", "msup", "mfrac", "munder", "mover", "mroot"), 2)
    needed |= {"msubsup": 3, "munderover": 3}
    wrong = {
        str(node)
        for soup in soups.values()
        for node in soup.select("math " + ", math ".join(needed))
        if len(node.find_all(recursive=False)) != needed[node.name]
    }
    assert not wrong


def test_lines_end_between_the_parts_of_a_formula(extension):
    display = extension._FORMULA.search("\\[a \\approx b_1, \\qquad c = d.\\]</div>")
    assert extension._formula(display) == ("[", r"{a \approx b_1,}\qquad\allowbreak {c = d.}")
    long = extension._FORMULA.search("\\[" + "a + b = " * 9 + "c \\qquad d\\]</div>")
    assert extension._formula(long)[1].endswith(r"= c \qquad\allowbreak {d}")


def test_greek_letters_are_found_by_name_and_in_formulas(extension):
    words = extension.search_words.SearchCourse({}).split(r"A step \eta\lambda_{\max} of eta, not of theta: η")
    assert words == ["A", "step", "η", "λ", "max", "of", "η", "not", "of", "θ", "η"]


@pytest.mark.book
def test_internal_links_and_anchors_resolve(soups):
    ids = {page: {tag["id"] for tag in soup.find_all(id=True)} for page, soup in soups.items()}
    broken, seen = [], 0
    for page, soup in soups.items():
        for tag in soup.find_all(["a", "link", "script", "img"]):
            address = tag.get("href") or tag.get("src")
            if not address or urlsplit(address).scheme or address.startswith("//"):
                continue
            seen += 1
            path, anchor = urldefrag(address)
            above = SITE if path.startswith("/") else page.parent
            target = (above / unquote(urlsplit(path).path).lstrip("/")).resolve() if path else page
            if not target.is_file():
                broken.append(f"{page.relative_to(SITE)}: {address}")
            elif anchor and "=" not in anchor and target in ids and unquote(anchor) not in ids[target]:
                broken.append(f"{page.relative_to(SITE)}: {address} (no such anchor)")
    assert seen > 100
    assert not broken, "\n".join(broken)


def test_a_page_gets_one_stylesheet_with_what_the_book_uses(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    from first_look import hasten

    static = tmp_path / "_static"
    (static / "deep").mkdir(parents=True)
    (static / "first.css").write_text('@import "deep/imported.css";\n.here, .nowhere { color: red } /* .gone {} */')
    (static / "deep" / "imported.css").write_text(".on-script{background:url(../dot.png)}.bs-tip-auto,.bs-top{top:0}")
    (static / "deep" / "last.css").write_text(
        "@media print { .nowhere { top: 1px } p { top: 2px } } :not(.nowhere) { top: 3px }"
        ' [a="b"] .nowhere { top: 4px }'
        "@font-face{src:url('../font.woff2')} .here{background:url(data:image/png;base64,AA==)}"
    )
    (static / "page.js").write_text('e.classList.add("on-script"); add("bs-tip" + "-auto")')
    (static / "documentation_options.js").write_text("const DOCUMENTATION_OPTIONS = {};")
    links = [f'<link href="../_static/{name}.css?v=1" rel="stylesheet" />' for name in ("first", "deep/last")]
    head = '<link rel="icon" href="a.svg">' + '<script src="../_static/documentation_options.js?v=1"></script>'
    page = tmp_path / "book" / "page.html"
    page.parent.mkdir()
    (text,) = hasten(tmp_path, {page: links[0] + head + links[1] + '<p class="here">'})
    (sheet,) = static.glob("all-*.css")
    assert re.findall("<link.*?>", text) == [
        f'<link rel="stylesheet" href="../_static/{sheet.name}">', '<link rel="icon" href="a.svg">'
    ]  # fmt: skip
    assert "<script>const DOCUMENTATION_OPTIONS = {};</script>" in text
    rules = re.sub(r"\s+", "", sheet.read_text())
    assert rules == (
        ".on-script{background:url(dot.png)}.bs-tip-auto{top:0}.here{color:red}"
        '@mediaprint{p{top:2px}}:not(.nowhere){top:3px}[a="b"].nowhere{top:4px}'
        "@font-face{src:url('font.woff2')}.here{background:url(data:image/png;base64,AA==)}"
    )
    assert hasten(tmp_path, {page: text}) == [text]  # pages that are not written anew


@pytest.fixture
def extension(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    spec = importlib.util.spec_from_file_location("enlib_book", ROOT / "book" / "_ext" / "enlib_book.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cache_depends_on_the_package_and_on_the_results(tmp_path, extension):
    shutil.copytree(ROOT / "enlib", tmp_path / "enlib", ignore=shutil.ignore_patterns("__pycache__"))
    seen = [extension.digest(tmp_path)]
    (tmp_path / "enlib" / "losses.py").open("a").write("# touched\n")
    seen.append(extension.digest(tmp_path))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "table1.csv").write_text("a,b\n")
    seen.append(extension.digest(tmp_path))
    (tmp_path / "enlib" / "notes.txt").write_text("no notebook reads this")
    assert len(set(seen)) == 3
    assert extension.digest(tmp_path) == seen[-1]


def test_no_line_ends_before_a_percent_sign_or_at_a_times_sign(extension):
    trimmed = extension._trim('<p title="5 % of it">5 % of 3 × 4</p><pre>5 % 3</pre>')
    assert trimmed == '<p title="5 % of it">5\xa0% of 3\xa0×\xa04</p><pre>5 % 3</pre>'


def test_links_to_papers_name_the_first_author_and_the_year(extension):
    conventions = extension.conventions
    assert doctest.testmod(conventions).failed == 0
    entries = parse_file(ROOT / "book" / "references.bib").entries
    keys = conventions.keys_by_address(entries)
    assert set(keys.values()) == set(entries), "an entry without an address cannot be cited"
    cells = [c for path in (ROOT / "notebooks").glob("*.ipynb") for c in nbformat.read(path, as_version=4).cells]
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    links = re.findall(r"\[([^\]]+)\]\((https?:[^)]+)\)", prose)
    cited = [(text, entries[keys[address]]) for text, to in links if (address := conventions.canonical(to)) in keys]
    assert len(cited) >= 100
    for text, entry in cited:
        author = " ".join(str(name) for name in entry.persons["author"][0].rich_last_names)
        assert text.startswith(author)
        assert entry.fields["year"] in text


@pytest.fixture
def small_book(tmp_path):
    """A book of one page and one notebook that imports a package, built by the real extension, in an odd folder."""
    folder = tmp_path / "a [b] c"
    shutil.copytree(ROOT / "book" / "_ext", folder / "book" / "_ext")
    shutil.copytree(ROOT / "book" / "_assets" / "katex", folder / "book" / "_assets" / "katex")
    for name in NO_PAGES:
        shutil.copy(ROOT / name, folder)
    (folder / "enlib").mkdir()
    (folder / "enlib" / "__init__.py").write_text("ANSWER = 41\n")
    (folder / "page.md").write_text("# Page\n\nText.\n")
    (folder / "notebook.md").write_text(
        "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n# Notebook\n\n```{code-cell}\n"
        f"import sys; sys.path.insert(0, {str(folder)!r})\nfrom enlib import ANSWER\nANSWER\n```\n"
    )
    (folder / "_toc.yml").write_text("format: jb-book\nroot: page\nchapters: [{file: notebook}]\n")
    excluded = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["exclude_patterns"]
    (folder / "_config.yml").write_text(
        "title: Small\nonly_build_toc_files: true\nexecute: {execute_notebooks: cache, raise_on_error: true}\n"
        f"exclude_patterns: {excluded}\nsphinx: {{local_extensions: {{enlib_book: book/_ext}}}}\n"
    )

    def build():
        program = (
            "import sys; from jupyter_book.cli.main import main; sys.argv = ['jupyter-book', *sys.argv[1:]]; main()"
        )
        command = [sys.executable, "-c", program, "build", str(folder), "--warningiserror", "--keep-going"]
        return subprocess.run(command, capture_output=True, text=True, cwd=folder)

    return folder, build


@pytest.mark.slow
def test_in_a_folder_with_brackets_nothing_but_the_pages_is_built(small_book):
    """Its name reads as a pattern, and Jupyter Book then finds no file to leave out."""
    folder, build = small_book
    built = build()
    assert built.returncode == 0, built.stdout + built.stderr
    site = folder / "_build" / "html"
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts}
    assert pages <= {"404.html", "genindex.html", "index.html", "notebook.html", "page.html", "search.html"}


@pytest.mark.slow
def test_launch_buttons_where_there_is_a_repository(small_book, monkeypatch):
    folder, build = small_book
    (folder / "notebooks").mkdir()
    monkeypatch.setenv("ENLIB_REPOSITORY", "https://github.com/someone/course")
    monkeypatch.setenv("ENLIB_BASEURL", "https://someone.github.io/course/")
    built = build()
    assert built.returncode == 0, built.stdout + built.stderr
    page = (folder / "_build" / "html" / "notebook.html").read_text()
    assert "colab.research.google.com/github/someone/course/blob/launch/" in page
    assert "mybinder.org" in page
    assert 'content="https://someone.github.io/course/_static/social-card.png"' in page
    assert 'href="/course/index.html"' in (folder / "_build" / "html" / "404.html").read_text()


@pytest.mark.slow
def test_plain_markdown_becomes_boxes_dropdowns_and_citations(small_book):
    folder, build = small_book
    (folder / "papers.bib").write_text(
        "@article{liang2018, author = {Liang, Shiyu and Sun, Ruoyu and Lee, Jason}, title = {Adding One Neuron},\n"
        " journal = {J}, year = {2018}, url = {https://arxiv.org/abs/1805.08671}}\n"
    )
    (folder / "_config.yml").open("a").write("bibtex_bibfiles: [papers.bib]\n")
    (folder / "page.md").write_text(
        "# Page\n\n```{bibliography}\n:all:\n```\n\n```{glossary}\nWilson interval\n  An interval.\n```\n"
    )
    (folder / "notebook.md").open("a").write(
        "\n> **Predict.** What happens\n> *next*?\n\n> A quotation.\n\n"
        "<details><summary>Solution</summary>\n\nAs $a = 1$:\n\n```python\nprint(1)\n```\n\n</details>\n\n"
        "[Liang et al. (2018)](https://arxiv.org/pdf/1805.08671v2), in [Wilson's](page.md#wilson-interval) way.\n"
    )
    built = build()
    assert built.returncode == 0, built.stdout + built.stderr
    soup = BeautifulSoup((folder / "_build" / "html" / "notebook.html").read_text(), "html.parser")
    assert "colab.research.google.com" not in str(soup), "no repository, no launch button"
    article = soup.article
    assert article.select_one("div.admonition.predict").get_text(" ", strip=True) == "Predict What happens next ?"
    assert [quote.get_text(strip=True) for quote in article.select("blockquote")] == ["A quotation."]
    dropdown = article.select_one("details.sd-dropdown")
    assert dropdown.summary.get_text(strip=True) == "Solution"
    assert [bool(dropdown.select(inside)) for inside in (".katex", "pre", "[open]")] == [True, True, False]
    links = {link.get_text(): link for link in article.select("p a")}
    assert re.fullmatch(r"page\.html#id\d+", links["Liang et al. (2018)"]["href"])
    assert "one neuron" in links["Liang et al. (2018)"]["title"]
    assert links["Wilson’s"]["href"] == "page.html#term-Wilson-interval"


@pytest.mark.slow
def test_what_is_wrong_in_a_page_fails_the_build_and_does_so_again(small_book):
    folder, build = small_book
    (folder / "papers.bib").write_text("")
    (folder / "_config.yml").open("a").write("bibtex_bibfiles: [papers.bib]\n")
    (folder / "page.md").write_text("# Page\n\n$\\frac{1}$\n\n[nowhere](nowhere.md)\n")
    (folder / "notebook.md").open("a").write(
        "\n[Someone (2019)](https://arxiv.org/abs/1901.03909)\n\n<details><summary>Open</summary>\n\nText.\n"
    )
    failed = build()
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert "expected a link to a paper of papers.bib, got https://arxiv.org/abs/1901.03909" in said
    assert "expected </details> after <details><summary>Open</summary>, got none" in said
    assert "expected formulas that KaTeX can typeset" in said
    assert "nowhere.md" in said
    assert build().returncode != 0


@pytest.mark.slow
def test_an_edit_of_the_package_executes_again_and_no_edit_does_not(small_book):
    folder, build = small_book
    first = build()
    assert first.returncode == 0, first.stdout + first.stderr
    page = folder / "_build" / "html" / "notebook.html"
    assert "Executing notebook" in first.stdout + first.stderr
    assert "4217" not in page.read_text()
    again = build()
    assert "Executing notebook" not in again.stdout + again.stderr
    (folder / "enlib" / "__init__.py").write_text("ANSWER = 4217\n")
    edited = build()
    assert edited.returncode == 0
    assert "4217" in page.read_text()


@pytest.mark.slow
def test_a_notebook_that_raises_fails_the_build_on_the_second_run_too(small_book):
    folder, build = small_book
    (folder / "notebook.md").write_text(
        "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n# N\n\n```{code-cell}\n1 / 0\n```\n"
    )
    assert build().returncode != 0
    assert build().returncode != 0


def test_vendored_katex_is_what_its_digests_say(tmp_path, extension):
    from sphinx.errors import ExtensionError

    katex = ROOT / "book" / "_assets" / "katex"
    shutil.copytree(katex, tmp_path / "katex")
    extension.verify_vendored(tmp_path / "katex")
    listed = {line.split()[1] for line in (katex / "SHA256SUMS").read_text().splitlines()}
    files = {p.relative_to(katex).as_posix() for p in katex.rglob("*") if p.is_file()}
    assert files - listed == {"README.md", "SHA256SUMS"}
    (tmp_path / "katex" / "katex.min.js").write_text("alert(1)")
    with pytest.raises(ExtensionError, match=r"expected .*katex.min.js with SHA-256 .* restore it"):
        extension.verify_vendored(tmp_path / "katex")


@pytest.mark.book
def test_every_page_has_a_description_of_its_own(soups):
    described = set()
    for page, soup in soups.items():
        if page.parent.name in ("book", "notebooks"):
            description = soup.find("meta", attrs={"name": "description"})["content"]
            assert 30 < len(description) <= 160
            described.add(description)
            assert soup.find("meta", property="og:title")["content"]
            assert soup.find("link", rel="icon")
    assert len(described) >= 6
