"""The book as one PDF: its pages in order, with links between them."""

import importlib.util
import re
from pathlib import Path

import browser
import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser.find() is None, reason="NO BROWSER FOUND: install chromium, or set ENLIB_BROWSER"),
]
PAGE = '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>t</title><article><h1>{}</h1>{}</article></html>'


@pytest.fixture
def pdf():
    spec = importlib.util.spec_from_file_location("pdf", ROOT / "book" / "pdf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_pages_are_printed_and_a_link_that_leads_nowhere_is_told(tmp_path, pdf):
    (tmp_path / "book").mkdir()
    links = '<p id="here"><a href="two.html#there">on</a> <a href="two.html#nowhere">lost</a></p>'
    (tmp_path / "book" / "one.html").write_text(PAGE.format("One", links))
    (tmp_path / "book" / "two.html").write_text(PAGE.format("Two", '<p id="there"><a href="one.html#here">back</a>'))
    target = tmp_path / "book.pdf"
    lost = pdf.print_book(tmp_path, target, ("Title", "Author", [("Part", ["book/one", "book/two"])]))
    assert lost == ["book-two--nowhere"]
    assert len(re.findall(rb"/Type\s*/Page\b", target.read_bytes())) == 4  # the cover and the contents, too


def test_all_pages_of_the_book_are_printed(pdf):
    title, author, parts = pdf.contents()
    assert (title, author) == ("One Neuron Too Many", "The enlib authors")
    assert parts[0] == ("The course", ["book/intro"])
    assert all((ROOT / f"{page}{kind}").is_file() for _, pages in parts for page in pages for kind in ending(page))


def ending(page):
    return [".ipynb" if page.startswith("notebooks/") else ".md"]
