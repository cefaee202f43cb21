"""The published pages in a real browser: no other server, every figure alive, and for everyone."""

import io
import re
from pathlib import Path

import browser
import matplotlib.image
import numpy as np
import plotly
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

from enlib import _tools
from enlib.figures import Bars, ClosedForm, Curve, HeatMap, Intervals, Points, Surface, ball, choice, explore, slider
from enlib.figures.ball import METHODS, rolls

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
ASSETS = ROOT / "book" / "_assets"
FIGURES = ROOT / "enlib" / "figures" / "assets"
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PARTS = 4  # of the pages, for workers that share them
OF_COLOR = ["color-contrast", "link-in-text-block"]  # axe's rules on colors
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser.find() is None, reason="NO BROWSER FOUND: install chromium, or set ENLIB_BROWSER"),
]


@pytest.fixture
def open_page(chromium):
    """Open an address with everything beyond this machine cut off; note what goes wrong."""
    contexts = []

    def open_(address, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.on("console", lambda m: page.wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: page.wrong.append(str(error)))

        def outside(route):
            page.wrong.append(f"request to {route.request.url}")
            route.abort()

        page.route(re.compile(r"^(?!http://127\.0\.0\.1)(https?|wss?)://"), outside)
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def pages():
    return sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "_static" not in p.parts)


def wake_all(page):
    """Bring every figure near the screen and wait until it is ready."""
    for figure in page.locator("figure.en-explore").all():
        figure.scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('figure.en-explore')].every((f) => f.dataset.ready)")


def check(page, name):
    """Nothing went wrong: no request to another server, no error, every figure ready, every formula typeset."""
    wake_all(page)
    page.evaluate("document.fonts.ready")
    assert page.wrong == [], name
    assert page.locator(".katex-error").count() == 0, name
    # No dollar or backslash is left for the reader.
    raw = "[...document.querySelectorAll('.math')].filter((m) => !m.querySelector('.katex')).length"
    assert page.evaluate(raw) == 0, name


def each_page(open_page, address, part, **options):
    """Open a part of the pages one after the other, in one window; yield each and its name once it is checked."""
    names = [name for name in pages() if name != "index.html"]  # which leads on to the first page
    assert len(names) >= 6
    page = None
    for name in names[part::PARTS]:
        if page is None:
            page = open_page(address + name, **options)
        else:
            page.goto(address + name)
        check(page, name)
        yield page, name


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_opened_as_a_file_on_a_phone(site, open_page, part):
    """Nothing is cut off or printed over; what is wider scrolls, with a shadow at the end that hides more."""
    found = {}
    for page, name in each_page(open_page, SITE.as_uri() + "/", part, viewport={"width": 390, "height": 844}):
        assert (SITE / name).stat().st_size <= 600_000, name
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        if cut := page.evaluate(browser.CUT)["cut"]:
            found[name] = cut
    assert found == {}


def test_nothing_moves_while_a_page_arrives(chromium):
    """All of it moved with the scroll bar, folded code with the text after it, lines with the font of a formula."""
    pages = "notebooks/03_learning_rate_regimes", "notebooks/06_sigmoid_gradient_bounds", "book/verdict"
    watch = """window.moved = 0;
    const add = (list) => list.getEntries().forEach((shift) => (window.moved += shift.value));
    new PerformanceObserver(add).observe({type: "layout-shift", buffered: true})"""
    bars = {"args": browser.FLAGS, "ignore_default_args": ["--hide-scrollbars"]}
    shown = chromium.browser_type.launch(executable_path=browser.find(), **bars)
    with browser.served(SITE, slowly=True) as address:
        for name in pages:
            page = shown.new_page(viewport={"width": 1280, "height": 900})
            page.add_init_script(watch)
            page.goto(f"{address}{name}.html")
            page.wait_for_timeout(300)
            assert page.evaluate("moved") < 0.05, name
            # The font itself may come late on a busy machine; it is asked for before the text is read.
            asked = page.locator("head link[rel=preload][as=font]").count()
            assert asked == (2 if page.locator(".katex").count() else 0)
            page.close()
    shown.close()


def test_notebooks_show_more_figures_than_code(chromium):
    rows = browser.shares(chromium, SITE).values()
    whole = sum(row["all"] for row in rows)
    assert sum(row["code"] for row in rows) / whole <= 0.12
    assert sum(row["figures"] for row in rows) / whole >= 0.3


def test_an_answer_reveals_the_figure_and_says_what_is_right(address, open_page):
    page = open_page(address + "notebooks/07_exponential_neuron.html")
    box = page.locator(".admonition.predict").first
    figure = page.locator(".en-veiled").first.element_handle()
    text = page.locator("p.en-veiled").first.element_handle()  # which explains it
    assert figure.evaluate("(e) => e.inert")
    assert text.evaluate("(e) => e.inert")
    box.locator(".en-answers button").nth(2).click()
    assert box.get_by_role("status").inner_text() == "You chose 3. It is 1:"
    assert box.locator("details.en-answer p").first.is_visible()
    assert figure.evaluate("(e) => !e.inert && !e.matches('.en-veiled')")
    assert text.evaluate("(e) => !e.inert && !e.matches('.en-veiled')")
    box.locator(".en-answers button").first.click()
    assert box.get_by_role("status").inner_text() == "Right."
    assert page.wrong == []


def test_lines_printed_between_a_prediction_and_its_figure_wait_for_the_answer(address, open_page):
    page = open_page(address + "notebooks/10_replication_quality.html")
    veiled = page.locator(".admonition.predict").evaluate_all(
        """boxes => boxes.map((box) => {
            let next = box;
            do next = next.nextElementSibling; while (!next.querySelector(".cell_output"));
            return next.querySelector(".cell_output").matches(".en-veiled");
        })"""
    )
    assert veiled
    assert all(veiled)


def test_a_link_to_a_figure_shows_it_and_without_script_all_is_in_view(site, open_page):
    address = site + "notebooks/07_exponential_neuron.html"
    assert open_page(address + "#a=2").locator(".en-veiled").count() == 0
    page = open_page(address, java_script_enabled=False)
    assert page.locator(".en-veiled").count() == 0
    page.locator("details.en-code summary").first.click()
    assert page.locator("details.en-code pre").first.is_visible()


def test_all_code_opens_on_every_page_from_then_on(site, open_page):
    page = open_page(site + "notebooks/07_exponential_neuron.html")
    assert not page.locator("details.en-code pre").first.is_visible()
    page.get_by_role("button", name="Show all code").click()
    page.goto(site + "notebooks/03_learning_rate_regimes.html")
    assert page.locator("details.en-code pre").first.is_visible()
    page.get_by_role("button", name="Show all code").click()
    page.reload()
    assert not page.locator("details.en-code pre").first.is_visible()
    assert page.wrong == []


@pytest.mark.slow
def test_every_notebook_fits_on_fifteen_sheets(chromium):
    page = chromium.new_page()
    sheets = {}
    for path in sorted((SITE / "notebooks").glob("*.html")):
        page.goto(path.as_uri())
        sheets[path.stem] = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    page.close()
    assert len(sheets) >= 20
    assert max(sheets.values()) <= 15, sheets


@pytest.mark.slow
def test_on_paper_nothing_is_cut_off(chromium):
    """A sheet of A4 without its margins; found by looking: wide tables had lost their last columns, the verdicts."""
    page = chromium.new_page(viewport={"width": 688, "height": 1000})
    page.emulate_media(media="print")
    found = {}
    for name in pages():
        if name == "index.html":
            continue  # which leads on to the first page
        page.goto((SITE / name).as_uri())
        page.evaluate("document.fonts.ready")
        if cut := page.evaluate(browser.CUT_ON_PAPER):
            found[name] = cut
    page.close()
    assert found == {}


SHOWN = "[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()).length"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_of_a_server_and_axe_finds_nothing_in_either_theme(site, open_page, part):
    """At 1280 px nothing has to scroll, either."""
    found = {}
    # Without reduced motion, colors fade from one theme to the other, and axe sees them on the way.
    for page, name in each_page(open_page, site, part, color_scheme="light", reduced_motion="reduce"):
        if name not in ("404.html", "search.html"):
            for how, what in page.evaluate(browser.CUT).items():
                if what:
                    found.setdefault(how, []).append((name, what))
        shown = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            if name != "404.html":  # which has styles of its own
                page.wait_for_function("(scheme) => document.documentElement.dataset.theme == scheme", arg=scheme)
            shown.append(page.evaluate(SHOWN))
            # A theme changes colors and nothing else, as is asserted below: the other rules need not run twice.
            # To preload, axe asks for style sheets at addresses that do not exist: errors of the page.
            options = {"resultTypes": ["violations"], "preload": False}
            options |= {"runOnly": OF_COLOR} if scheme == "dark" else {}
            for violation in Axe().run(page, options=options).response["violations"]:
                where = [node["target"] for node in violation["nodes"]]
                found.setdefault(violation["id"], []).append((name, scheme, where[:3]))
        assert shown[0] == shown[1], name
        page.emulate_media(color_scheme="light")
    assert found == {}


def first_figure(site, open_page, name="notebooks/07_exponential_neuron.html", **options):
    page = open_page(site + name, **options)
    page.evaluate("for (const fold of document.querySelectorAll('details.en-answer')) fold.open = true")
    wake_all(page)
    return page, page.locator("figure.en-explore").first


def drawn(figure):
    """Return the shapes of the marks."""
    return figure.evaluate(
        "(f) => [...f.querySelectorAll('.en-mark > *')].map((m) => m.getAttribute('d') ?? m.getAttribute('href'))"
    )


def settle(page):
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_keyboard_moves_what_is_drawn_what_is_said_and_the_address(address, open_page):
    page, figure = first_figure(address, open_page)
    for field in figure.locator("input[type=range]").all():
        before, said = drawn(figure), field.get_attribute("aria-valuetext")
        field.focus()
        for _ in range(6):
            page.keyboard.press("ArrowRight")
        settle(page)
        assert drawn(figure) != before
        assert field.get_attribute("aria-valuetext") != said
        name = field.get_attribute("id").rsplit("-", 1)[1]
        assert f"{name}={field.get_attribute('aria-valuetext')}" in page.url
    after, address = drawn(figure), page.url
    again = open_page(address)
    again.wait_for_function("document.querySelector('figure.en-explore').dataset.drawn")
    assert drawn(again.locator("figure.en-explore").first) == after
    assert again.locator("figure.en-explore").first.evaluate(
        "(f) => { const r = f.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight }"
    )
    assert again.wrong == []


def test_play_moves_and_reduced_motion_has_no_play(site, open_page):
    page, figure = first_figure(site, open_page)
    figure.get_by_role("button", name="Play").click()
    page.wait_for_function("(f) => f.dataset.drawn", arg=figure.element_handle())
    at = figure.get_attribute("data-drawn")
    page.wait_for_function("([figure, at]) => figure.dataset.drawn != at", arg=[figure.element_handle(), at])
    _, quiet = first_figure(site, open_page, reduced_motion="reduce")
    assert quiet.get_by_role("button", name="Play").count() == 0


def test_the_data_are_shown_as_a_table_that_follows(site, open_page):
    page, figure = first_figure(site, open_page)
    figure.get_by_text("Show the data").click()
    before = figure.locator(".en-data").inner_text()
    assert figure.locator(".en-data tbody tr").count() > 100
    figure.locator("input[type=range]").first.focus()
    page.keyboard.press("End")
    settle(page)
    assert figure.locator(".en-data").inner_text() != before


def test_zoom_fetches_plotly_from_the_site_and_follows(address, open_page):
    page, figure = first_figure(address, open_page)
    assert page.evaluate("typeof window.Plotly") == "undefined"
    button = figure.locator(".en-bar").get_by_role("button", name="Zoom")
    button.click()
    figure.locator(".en-zoom .main-svg").first.wait_for()
    read = "(f) => JSON.stringify(f.querySelector('.en-zoom').data.map((t) => [...t.y]))"
    before = figure.evaluate(read)
    figure.locator("input[type=range]").first.focus()
    page.keyboard.press("End")
    settle(page)
    assert figure.evaluate(read) != before
    button.click()
    assert figure.locator(".en-drawing").is_visible()
    assert page.wrong == []


def test_without_javascript_the_figure_still_says_something(site, open_page):
    page = open_page(site + "notebooks/07_exponential_neuron.html", java_script_enabled=False)
    figure = page.locator("figure.en-explore").first
    assert figure.locator("svg.en-wide > use").first.is_visible()
    assert figure.locator(".en-at").inner_text().startswith("a = ")
    assert figure.locator("figcaption").is_visible()


def test_a_printed_page_has_the_drawing_and_no_controls(site, open_page):
    page, figure = first_figure(site, open_page)
    page.emulate_media(media="print")
    assert figure.locator(".en-drawing svg.en-narrow").first.is_visible()  # whose text can be read on paper
    assert figure.locator(".en-key .en-named").first.is_visible()
    assert not figure.locator("input").first.is_visible()
    settings = page.locator(".en-explore .en-at").all()
    assert len(settings) > 1  # of figures that move already, and of those that nobody has come near
    assert all(" = " in line.inner_text() and line.bounding_box()["height"] < 60 for line in settings)


def test_a_dark_page_prints_as_a_light_one_and_is_dark_again(site, open_page):
    """Found by looking: gray text, and axes that could hardly be seen on paper."""
    page = open_page(site + "notebooks/07_exponential_neuron.html", color_scheme="dark")
    color = "getComputedStyle(document.querySelector('article p')).color"
    dark = page.evaluate(color)
    page.evaluate(f"addEventListener('beforeprint', () => (window.printed = {color}))")
    page.pdf()
    light = open_page(site + "notebooks/07_exponential_neuron.html", color_scheme="light").evaluate(color)
    assert page.evaluate("printed") == light != dark
    assert page.evaluate(color) == dark


def test_search_finds_and_theme_switches(site, open_page):
    page = open_page(site + "search.html?q=exponential")
    page.locator("#search-results li").first.wait_for()
    assert page.locator("#search-results li").count() >= 2
    found = {}
    for query in ("eta", "η", "sharpness"):
        page = open_page(site + f"search.html?q={query}")
        page.wait_for_function("/finished|found/.test(document.querySelector('.search-summary')?.textContent)")
        page.locator("#search-results li").first.wait_for()
        if query == "eta":
            summary = page.locator("#search-results li:has(a[href*='03_learning'])").first.inner_text()
            assert "E(w)=1/2λw^2" in summary, "found by looking: 21λw2"
        found[query] = page.locator("#search-results li > a").evaluate_all("(all) => all.map((a) => a.pathname)")
    assert any("03_learning_rate" in path for path in found["eta"])
    assert not any("06_sigmoid" in path for path in found["eta"]), "which has theta, and no eta"
    assert set(found["eta"]) == set(found["η"])
    assert any("05_edge" in path for path in found["sharpness"])
    page = open_page(site + "book/notation.html")
    themes = set()
    for _ in range(3):
        page.locator("button.theme-switch-button").first.click()
        themes.add(page.evaluate("document.documentElement.dataset.theme"))
    assert themes == {"light", "dark"}
    assert page.wrong == []


# --- figures of every kind, on a page of their own


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """Write figures to a page that has nothing but the script; return its address."""
    folder = tmp_path_factory.mktemp("gallery")
    for path in FIGURES.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())

    def write(*figures, policy=""):
        body = "".join(figure if isinstance(figure, str) else figure.to_html() for figure in figures)
        (folder / "index.html").write_text(
            '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>t</title><link rel="icon" href="data:,">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<link rel="stylesheet" href="explore.css"><script src="explore.js" defer></script>'
            f"<main>{body}</main></html>",
            encoding="utf-8",
        )
        return (folder / "index.html").as_uri()

    return write


T = np.linspace(0.1, 2, 40)


def zoo(p, q):
    return {
        "curve": Curve(T, T**p + q),
        "points": Points([0.5, 1, 1.5], [p, q, p * q]),
        "bars": Bars([0.5, 1, 1.5], [q, p, 1]),
        "intervals": Intervals([0.5, 1, 1.5], [p / 2, p / 3, p / 4], [p, p, p]),
        "note": f"p={p}, q={q}",
    }


GRID = np.linspace(0, 1, 7)


def landscape(p, q):
    z = p * np.exp(GRID[:5, None]) + np.sqrt(GRID + 0.1)  # no level is met exactly at a point of the grid
    return {"z": HeatMap(GRID, GRID[:5], z), "path": Curve(GRID, GRID**q)}


def picture(figure):
    return matplotlib.image.imread(io.BytesIO(figure.locator(".en-drawing > svg.en-wide").screenshot()))[..., :3]


def one_for_all(p, q):
    return {"q": Curve(T, q * T), "p": Bars([0.5, 1, 1.5], [p, 2 * p, 3 * p])}


@pytest.mark.parametrize(
    "fn, scales",
    [(zoo, {}), (one_for_all, {}), (zoo, {"yscale": "log"}), (zoo, {"xscale": "log"}), (landscape, {})],
)
def test_script_draws_what_python_draws(gallery, open_page, fn, scales):
    """The first frame is drawn by matplotlib, and once a control has moved there and back, by the script."""
    page = open_page(gallery(explore(fn, alt="a", caption="c", p=slider(0.5, 2, 4), q=slider(1, 3, 3), **scales)))
    wake_all(page)
    figure = page.locator("figure").first
    by_python, first = picture(figure), drawn(figure)
    seen = []
    for p in ("0.5", "1.5"):
        page.evaluate(f"location.hash = 'p={p}'")
        settle(page)
        settle(page)
        assert figure.locator("output").first.inner_text() == p
        seen.append((np.abs(picture(figure) - by_python).max(axis=2) > 0.1).mean())
    moved, back = seen
    assert moved > 0.01  # the comparison can see a difference
    assert back < 0.002
    for before, after in zip(first, drawn(figure), strict=True):
        if not before.startswith("data:"):
            numbers = [np.array(re.findall(r"-?\d+", shape), dtype=int) for shape in (before, after)]
            assert re.sub(r"-?\d+", "", before) == re.sub(r"-?\d+", "", after)
            assert np.abs(numbers[0] - numbers[1]).max() <= 1
    assert page.wrong == []


def test_choice_two_figures_of_one_name_and_bad_addresses(gallery, open_page):
    def one(eta):
        return {"c": Curve(T, eta * T)}

    def two(kind):
        return {"c": Curve(T, T if kind == "flat" else T**2)}

    figures = [
        explore(one, alt="first", caption="c", eta=slider(1, 3, 3)),
        explore(one, alt="second", caption="c", eta=slider(1, 3, 3)),
        explore(two, alt="third", caption="c", kind=choice(["flat", "steep & tall"])),
    ]
    address = gallery(*figures)
    page = open_page(address + "#eta-2=3&kind=steep+%26+tall&nonsense=1&eta=banana")
    wake_all(page)
    settle(page)
    values = page.locator("figure input, figure select").evaluate_all("(all) => all.map((f) => f.value)")
    assert values == ["1", "2", "1"]
    page.locator("select").select_option("0")
    assert "kind=flat" in page.url
    assert page.wrong == []


@pytest.mark.parametrize(
    "wanted, expected",
    list(zip(("2.2", "99", "-1", "1e999", "-Infinity", "banana", "NaN", ""), "23131222", strict=True)),
)
def test_an_address_out_of_range_chooses_the_nearest(gallery, open_page, wanted, expected):
    figures = [
        explore(lambda eta: {"c": Curve(T, eta * T)}, alt="first", caption="c", eta=slider(1, 3, 3)),
        explore(lambda n: {"c": Curve(T, n * T)}, alt="second", caption="c", n=choice([1, 2, 3], start=2)),
    ]
    page = open_page(gallery(*figures) + f"#eta={wanted}&n={wanted}")
    wake_all(page)
    assert page.locator("output").inner_text() == expected
    assert page.locator("option:checked").inner_text() == expected


def test_numbers_and_names_are_written_in_the_page_as_in_python(gallery, open_page):
    """Sliders and notes said 1e-08 and 3.162e-12, and eta for η; the address keeps what a program can read."""
    random = np.random.default_rng(0)
    numbers = [f"{x:.{d}e}" for x in 10 ** random.uniform(-12, 12, 200) for d in (0, 1, 3)]
    words = "eta = 1e-3. lambda_max, lambda=0; 0x1e5 a1e5 1.2.3e4 -4.963e-24, (5e-324) x1.05 [inf] x2 info"
    note = " ".join([*numbers, words])

    def frame(eps):
        return {"c": Curve([0, 1], [0, 1]), "note": note}

    small = slider(1e-12, 1e-4, 3, log=True, start=1e-8, label="eta")
    page = open_page(gallery(explore(frame, **DOT, eps=small)))
    figure = page.locator("figure")
    assert figure.locator(".en-note").inner_text() == _tools.for_readers(note)  # written by Python
    wake_all(page)
    page.locator("input").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('figure').dataset.drawn")
    assert figure.locator(".en-note").inner_text() == _tools.for_readers(note)
    assert figure.locator("label").inner_text().split("\n")[0] == "η = 10⁻¹²"
    assert page.url.endswith("#eps=1e-12")


def test_a_broken_figure_does_not_take_the_others_along(gallery, open_page):
    good = explore(lambda eta: {"c": Curve(T, eta * T)}, alt="good", caption="c", eta=slider(1, 3, 3))
    form = ClosedForm(lambda eta: {"c": Curve(T, eta * T)}, "({eta}) => nonsense(eta)")
    broken = [
        explore(form, alt="its closed form fails", caption="c", eta=slider(1, 3, 3)).to_html(),
        good.to_html().replace('"marks"', '"marx'),
        '<figure class="en-explore" id="empty"></figure>',
        good.to_html().replace("application/json", "text/plain"),
    ]
    page = open_page(gallery(*broken, good) + "#eta=3&eta-4=3")
    page.wait_for_function("document.querySelector('figure:last-of-type').dataset.drawn")
    assert page.locator("figure:last-of-type output").inner_text() == "3"
    assert page.locator("figure[data-ready]").count() == 1
    for figure in page.locator("figure.en-figure").all():
        assert figure.locator(".en-drawing svg.en-wide").first.is_visible()
    assert len(page.wrong) >= len(broken)
    assert all("does not move" in message for message in page.wrong)


def test_zoom_that_cannot_be_loaded_leaves_the_drawing_and_tries_again(gallery, open_page):
    figure = explore(lambda eta: {"<b>c": Curve(T, eta * T)}, alt="a", caption="c", eta=slider(1, 3, 3))
    page = open_page(gallery(figure))
    wake_all(page)
    button = page.locator(".en-bar").get_by_role("button", name="Zoom")
    button.click()
    page.get_by_text("Zoom could not be loaded").wait_for()
    assert page.locator(".en-drawing").is_visible()
    assert page.locator(".en-zoom").count() == 0
    page.route("**/plotly.min.js", lambda route: route.fulfill(path=PLOTLY, content_type="text/javascript"))
    button.click()
    page.locator(".en-zoom .main-svg").first.wait_for()
    assert not page.locator(".en-drawing").is_visible()
    assert page.locator(".en-zoom").evaluate("(plot) => plot.data[0].name") == "&lt;b>c"
    button.click()
    assert page.locator(".en-drawing").is_visible()


def test_no_text_is_evaluated_so_that_a_policy_may_forbid_it(gallery, open_page):
    """`new Function`, as closed forms were computed once, needs 'unsafe-eval'."""
    form = ClosedForm(
        lambda eta: {"c": Curve([0, 1], [0, eta]), "n": f"eta {eta:g}"},
        "({eta}) => ({c: {x: [0, 1], y: [0, eta]}, n: `eta ${eta}`})",
    )
    figures = [explore(f, alt="a", caption="c", eta=slider(1, 3, 3)) for f in (form, form.python)]
    page = open_page(gallery(*figures, policy="script-src 'self' 'unsafe-inline'"))
    wake_all(page)
    for figure in page.locator("figure[data-ready]").all():
        figure.locator("input").focus()
        page.keyboard.press("End")
        figure.get_by_text("η 3").wait_for()
    assert page.locator("figure[data-drawn]").count() == 2
    assert page.wrong == []


def test_dragging_stops_play(gallery, open_page):
    page = open_page(gallery(explore(lambda k: {"c": Curve(T, k * T)}, alt="a", caption="c", k=slider(1, 3, 41))))
    wake_all(page)
    page.get_by_role("button", name="Play").click()
    page.get_by_text("Stop").wait_for()
    page.locator("input").focus()
    page.keyboard.press("Home")
    assert page.get_by_text("Play", exact=True).is_visible()
    page.wait_for_timeout(300)
    assert page.locator("output").inner_text() == "1"


DOT = {"alt": "A dot.", "caption": "Take hold of it."}


def place_of(page, figure, x, y):
    """Return where a point of the axes, which run from 0 to 1, is on the screen."""
    box = figure.locator(".en-wide .en-ground").bounding_box()
    return box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"]


def test_dragging_a_point_moves_the_sliders(gallery, open_page):
    def dot(p, q):
        return {"line": Curve([0, 1], [1, 1]), "dot": Points([p], [q])}

    p, q = slider(0, 1, 11, start=0.2), slider(0, 1, 11, start=0.5)
    page = open_page(gallery(explore(dot, **DOT, xlim=(0, 1), ylim=(0, 1), drag=["dot"], p=p, q=q)))
    wake_all(page)
    figure = page.locator("figure")
    page.mouse.move(*place_of(page, figure, 0.2, 0.5))
    page.mouse.down()
    for x, y in ((0.3, 0.4), (0.52, 0.31), (0.68, 0.12)):
        page.mouse.move(*place_of(page, figure, x, y))
    page.mouse.up()
    settle(page)
    assert figure.locator("output").all_inner_texts() == ["0.7", "0.1"]
    assert figure.get_attribute("data-drawn") == "7 1"
    assert "p=0.7&q=0.1" in page.url
    page.mouse.move(*place_of(page, figure, 0.9, 0.9))  # let go
    assert figure.locator("output").all_inner_texts() == ["0.7", "0.1"]
    figure.get_by_role("button", name="Reset").click()
    settle(page)
    assert figure.locator("output").all_inner_texts() == ["0.2", "0.5"]
    assert "#" not in page.url
    assert page.wrong == []


def test_taking_hold_of_a_point_stops_play(gallery, open_page):
    def dot(k, q):
        return {"line": Curve([0, 1], [k, 1]), "dot": Points([0.5], [q])}

    k, q = slider(0, 1, 11), slider(0, 1, 11, start=0.5)
    page = open_page(gallery(explore(dot, **DOT, xlim=(0, 1), ylim=(0, 1), drag=["dot"], k=k, q=q)))
    wake_all(page)
    figure = page.locator("figure")
    figure.get_by_role("button", name="Play").click()
    page.get_by_text("Stop").wait_for()
    page.mouse.move(*place_of(page, figure, 0.5, 0.5))
    page.mouse.down()
    assert figure.get_by_role("button", name="Play").inner_text() == "Play"


# --- the ball on a surface

ACROSS, ALONG = np.linspace(-1, 1, 21), np.linspace(-2, 4, 31)
VALLEY = 10 * ACROSS**2 * np.exp(-ALONG[:, None] / 3) + 0.02 * (ALONG[:, None] * (ALONG[:, None] - 3)) ** 2 + 0.01


def rolling():
    return ball(
        Surface(ACROSS, ALONG, VALLEY), {"low": (0, 0), "high": (0, 3)}, start=(-0.5, 1), eta=0.1, x="across",
        y="along", alt="A valley.", caption="Let go.",
    )  # fmt: skip


def test_ball_rolls_in_the_page_as_in_python(gallery, open_page):
    """Every method, at rates at which paths jump about: what is drawn and told, and the rates at the ball."""
    surface = Surface(ACROSS, ALONG, VALLEY)
    valley = rolls(surface, {"low": surface.minimum((0, 0)), "high": surface.minimum((0, 3))})
    page = open_page(gallery(rolling()))
    random = np.random.default_rng(0)
    settings = [
        {"method": method, "eta": eta, "step": step, "u": u, "v": v}
        for method in METHODS
        for eta, step, u, v in zip(
            np.geomspace(0.005, 1, 20).tolist(), random.integers(0, 201, 20).tolist(),
            random.uniform(-1, 1, 20).tolist(), random.uniform(-2, 4, 20).tolist(), strict=True,
        )
    ]  # fmt: skip
    frames = page.evaluate("(all) => all.map(Object.values(enlibClosedForms)[0])", settings)
    left = 0
    for setting, frame in zip(settings, frames, strict=True):
        expected = valley(**setting)
        assert frame["result"] == expected["result"]
        left += "leaves" in frame["result"]
        for name, mark in expected.items():
            for quantity in getattr(mark, "quantities", ()):
                got = np.ravel(frame[name][quantity])
                np.testing.assert_allclose(got, getattr(mark, quantity).ravel(), rtol=1e-9, atol=1e-9)
        assert frame["rates"] == expected["rates"].rows
    assert 10 < left < len(settings) - 50


def test_ball_is_dragged_released_and_leaves_its_path(gallery, open_page):
    page = open_page(gallery(rolling()))
    wake_all(page)
    figure = page.locator("figure")

    def at(x, y):
        return place_of(page, figure, (x + 1) / 2, (y + 2) / 6)

    page.mouse.move(*at(-0.5, 1))
    page.mouse.down()
    for place in ((0, 2), (0.5, 2), (0.5, 3)):
        page.mouse.move(*at(*place))
    assert figure.locator("output").all_inner_texts() == ["0.1003", "0", "0.5", "3"]
    at_ball = figure.locator(".en-ticks > span").last.inner_text()
    page.mouse.up()
    page.wait_for_function("document.querySelector('.en-note').textContent.startsWith('Step 200')")
    assert at_ball.startswith("at the ball: ηₒₚₜ 0.1")
    assert figure.locator(".en-ticks > span").last.inner_text() == at_ball
    assert figure.locator(".en-ticks > span").first.inner_text() == "at low: ηₒₚₜ 0.050, 2/λₘₐₓ 0.10"
    kept = drawn(figure)
    page.get_by_role("button", name="Keep").click()
    page.locator("select").select_option("Adam")
    page.locator("input").first.focus()
    page.keyboard.press("End")
    page.locator("select").select_option("gradient descent")
    figure.get_by_text("It leaves the map at step 1.").wait_for()
    assert figure.locator(".en-key .en-left-behind").inner_text() == "1. gradient descent, 0.1003"
    assert set(drawn(figure)) & {shape for shape in kept if shape.count("L") == 200}
    page.get_by_role("button", name="Reset").click()
    assert figure.locator(".en-left-behind").count() == 0
    assert Axe().run(page, "figure", {"resultTypes": ["violations"], "preload": False}).response["violations"] == []
    assert page.wrong == []


def test_picks_stay_hidden_until_they_are_kept(gallery, open_page):
    def judged(eta):  # what is told, 0, 1 or 2, and what is judged
        return {"random": Curve([1, 9], [3, 1]), "best": Points([eta], [1 + (eta - 1) ** 2]), "told": f"told {eta:g}"}

    texts = {"alt": "Two lines.", "caption": "Keep a few.", "x": "cost"}
    page = open_page(gallery(explore(judged, eta=slider(0, 2, 3, start=2), picks="best", xlim=(0.5, 9), **texts)))
    wake_all(page)
    figure, keep = page.locator("figure"), page.get_by_role("button", name="Keep")
    dots = figure.locator(".en-mark").last.locator("path")
    assert dots.get_attribute("d") == figure.locator(".en-note").inner_text() == ""
    keep.click()
    page.locator("input").press("Home")
    settle(page)
    assert figure.locator(".en-note").inner_text() == "told 2"
    for _ in range(2):
        keep.click()
        page.locator("input").press("End")
    figure.get_by_text("Show the data").click()
    rows = figure.locator("table").last.locator("tbody tr")
    rows.nth(2).wait_for()
    assert [row.split() for row in rows.all_inner_texts()] == [["1", "2"], ["2", "2"], ["3", "2"]]  # told 2, 0 and 2
    page.get_by_role("button", name="Reset").click()
    settle(page)
    assert dots.get_attribute("d") == ""
    assert page.wrong == []


def test_ball_without_motion_shows_its_whole_path(gallery, open_page):
    page = open_page(gallery(rolling()), reduced_motion="reduce", viewport={"width": 390, "height": 844})
    wake_all(page)
    figure = page.locator("figure")
    box = figure.locator(".en-narrow .en-ground").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    page.mouse.up()
    settle(page)
    assert figure.locator("output").all_inner_texts()[1:] == ["200", "0.4", "1"]
    assert figure.locator(".en-note").inner_text().startswith("Step 200: ")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for control in page.locator("figure button, figure input, figure select").all():
        assert control.bounding_box()["height"] >= 44


def test_values_are_told_under_the_pointer(gallery, open_page):
    cells = np.array([0.25, 0.75])
    figures = [
        explore(
            lambda p: {"dot": Points([0.5], [0.25 * p]), "high": Points([0.9], [0.9])},
            **DOT, x="η", y="loss", xlim=(0, 1), ylim=(0, 1), p=slider(1, 3, 3),
        ),
        explore(lambda p: {"height": HeatMap(cells, cells, [[1, 2], [3, 4.5]])}, **DOT, p=slider(1, 3, 3)),
    ]  # fmt: skip
    page = open_page(gallery(*figures), viewport={"width": 1000, "height": 1600})
    wake_all(page)
    for figure, (x, y), told in zip(
        page.locator("figure").all(),
        ((0.51, 0.49), (0.8, 0.8)),
        ("dot\nη: 0.5\nloss: 0.5", "height: 4.5"),
        strict=True,
    ):
        assert not figure.locator(".en-probe").is_visible()
        page.mouse.move(*place_of(page, figure, x, y))
        assert figure.locator(".en-probe").inner_text() == told
    page.mouse.move(0, 0)
    assert not page.locator(".en-probe").first.is_visible()


def test_a_link_is_copied_with_the_values(gallery, open_page):
    page = open_page(gallery(explore(lambda eta: {"c": Curve(T, eta * T)}, **DOT, eta=slider(1, 3, 3, start=3))))
    wake_all(page)
    page.evaluate("void (navigator.clipboard.writeText = (text) => { window.copied = text; })")
    page.get_by_role("button", name="Copy a link").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("copied").endswith("#eta=3")
    page.evaluate("void (navigator.clipboard.writeText = () => { throw Error(); })")
    page.get_by_role("button", name="Copy a link").click()
    page.get_by_text("In the address").wait_for()
    assert page.url.endswith("#eta=3")


@pytest.mark.parametrize("width", [1000, 390])
def test_text_and_controls_are_as_large_on_a_phone(gallery, open_page, width):
    figure = explore(lambda p: {"a": Curve(T, T * p), "b": Curve(T, T)}, **DOT, x="step", y="loss", p=slider(1, 3, 3))
    page = open_page(gallery(figure), viewport={"width": width, "height": 900})
    wake_all(page)
    shown = page.locator("figure").evaluate("""(figure) => [...figure.querySelectorAll(".en-drawing > svg[class]")]
        .filter((drawing) => drawing.getBoundingClientRect().width)
        .map((drawing) => [drawing.getAttribute("class"),
                           14 * drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width])""")
    ((name, size),) = shown
    assert name == ("en-wide" if width > 600 else "en-narrow")
    assert 13.5 <= size <= 20
    for control in page.locator("figure button, figure input").all():
        assert control.bounding_box()["height"] >= 44
    rows = {round(control.bounding_box()["y"]) for control in page.locator("figure button").all()}
    assert len(rows) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_closed_forms_agree_with_python_everywhere(chromium):
    """Every closed form of the notebooks: JavaScript against Python to 1e-9 over the whole range of its controls."""
    import itertools

    import nbformat

    forms = []

    def collect(fn, **arguments):
        from enlib.figures.controls import Control

        if isinstance(fn, ClosedForm):
            forms.append((fn, {name: c for name, c in arguments.items() if isinstance(c, Control)}))

    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        last = max((i for i, source in enumerate(cells) if "ClosedForm(" in source), default=-1)
        namespace, dtype = {}, torch.get_default_dtype()
        try:
            for source in cells[: last + 1]:
                exec(source, namespace)
                if "explore" in namespace:
                    namespace["explore"] = collect
        finally:
            torch.set_default_dtype(dtype)  # a notebook may change it for itself
    assert forms
    page = chromium.new_page()
    for form, controls in forms:
        values = itertools.product(*(control.values for control in controls.values()))
        grid = [dict(zip(controls, at, strict=True)) for at in values]
        frames = page.evaluate(f"(grid) => grid.map({form.javascript})", grid)
        for at, frame in zip(grid, frames, strict=True):
            expected = form(**at)
            assert set(frame) == set(expected)
            for name, mark in expected.items():
                if isinstance(mark, str):
                    assert frame[name] == mark
                    continue
                for quantity in mark.quantities:
                    got = np.array(frame[name][quantity], dtype=float)
                    np.testing.assert_allclose(got, getattr(mark, quantity), rtol=1e-9, atol=1e-9, err_msg=str(at))
    page.close()
