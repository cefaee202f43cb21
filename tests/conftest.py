"""A browser, and the built book as it is opened: from a server, and as a file."""

from pathlib import Path

import pytest

SITE = Path(__file__).parents[1] / "_build" / "html"


@pytest.fixture(scope="module")
def chromium():
    import browser

    with browser.launched() as launched:
        yield launched


@pytest.fixture(scope="module")
def site():
    import browser

    if not SITE.is_dir():
        pytest.fail("expected the built book in _build/html, got none: run make book")
    with browser.served(SITE) as address:
        yield address


@pytest.fixture(scope="module", params=["http", "file"])
def address(site, request):
    return site if request.param == "http" else SITE.as_uri() + "/"
