"""Pages as slides and as handouts, in a real browser: what fits, what moves, what is left out."""

import re
from pathlib import Path

import browser
import pytest

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
# By the notebooks, not by what happens to be built: a page that is missing fails.
PAGES = [SITE / "notebooks" / f"{path.stem}.html" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
MARGIN = dict.fromkeys(("top", "right", "bottom", "left"), "14mm")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser.find() is None, reason="NO BROWSER FOUND: install chromium, or set ENLIB_BROWSER"),
]


@pytest.fixture
def page(chromium):
    opened = chromium.new_page(viewport={"width": 1280, "height": 720})
    opened.set_default_timeout(120_000)
    opened.wrong = []
    opened.on("pageerror", lambda error: opened.wrong.append(str(error)))
    yield opened
    assert opened.wrong == []
    opened.close()


def slide(page):
    return page.locator(".en-slides-bar span").inner_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_slide_fits_the_screen_and_shows_something(page, path):
    page.goto(path.as_uri() + "?slides")
    last = int(slide(page).split(" / ")[1])
    kinds, cut = [], []
    for k in range(1, last + 1):
        assert slide(page) == f"{k} / {last}"
        kinds.append(page.locator("html").get_attribute("data-kind"))
        box = page.locator("article").bounding_box()
        scrolled = page.locator(".en-on .en-table tr").count() > 20
        if (
            not 40 < box["height"] <= (5000 if scrolled else 720)
            or page.evaluate("document.documentElement.scrollWidth") > 1280
        ):
            cut.append((k, kinds[-1], box["height"]))
        page.keyboard.press("PageDown")
    assert cut == []
    assert kinds[0] == "title"
    assert kinds[-1] == "end"
    assert {"question", "figure", "exercise"} <= set(kinds)
    assert kinds.count("question") == page.locator(".admonition.predict").count()


def test_slides_ask_answer_move_and_end(page):
    page.goto((SITE / "notebooks" / "03_learning_rate_regimes.html").as_uri() + "?slides=3")
    assert not page.locator(".bd-sidebar-primary").is_visible()
    question = page.locator(".predict.en-on")
    question.locator(".en-answers button").nth(1).click()
    assert question.locator(".en-reply").inner_text() == "Right."
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowLeft")
    assert question.is_visible()
    while page.locator("html").get_attribute("data-kind") != "figure":
        page.keyboard.press("PageDown")
    field = page.locator(".en-on figure input[type=range]").first
    assert page.locator(".en-on .en-veiled").count() == 0
    field.focus()
    here = slide(page)
    before = page.locator(".en-on figure .en-note").inner_text()
    page.keyboard.press("ArrowRight")  # belongs to the slider
    page.wait_for_function("(before) => document.querySelector('.en-on .en-note').textContent !== before", arg=before)
    assert slide(page) == here
    page.keyboard.press("PageDown")
    assert slide(page) != here
    page.get_by_role("button", name="Back to the page").click()
    page.locator(".bd-sidebar-primary").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_handout_is_one_sheet_with_all_questions_and_no_answers(page, path):
    page.goto(path.as_uri() + "?handout")
    page.wait_for_selector("html[data-ready]")
    asked = page.locator(".admonition.predict").count()
    assert page.locator(".admonition.predict.en-on").count() == asked
    page.emulate_media(media="print")
    assert page.locator("h1.en-on").is_visible()
    assert not any(fold.is_visible() for fold in page.locator("article details").all())
    for paper in ("A4", "Letter"):
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper, margin=MARGIN))) == 1
