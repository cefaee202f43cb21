import asyncio
import time

import numpy as np
import pytest

from enlib.figures.explore import Bars, Curve, HeatMap, Points, choice, explore, slider
from enlib.figures.explore.live import LatestWins


def test_many_requests_one_redraw_of_the_latest():
    drawn, value = [], 0

    async def hand():
        nonlocal value
        wins = LatestWins(lambda: (time.sleep(0.05), drawn.append(value)))
        for value in range(40):  # noqa: B007
            wins.request()
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.2)

    asyncio.run(hand())
    assert drawn[-1] == 39
    assert len(drawn) <= 15  # 1 to 3 on an idle machine; 40 would be a queue


def test_without_an_event_loop_it_draws_at_once():
    drawn = []
    LatestWins(lambda: drawn.append(1)).request()
    assert drawn == [1]


@pytest.fixture
def figure():
    t = np.linspace(0, 1, 20)

    def fn(eta, kind):
        return {
            "curve": Curve(t, eta * t),
            "points": Points([0, 1], [0, eta]),
            "bars": Bars([0, 1], [eta, 1]),
            "note": f"eta is {eta}, {kind}",
        }

    return explore(fn, alt="A line.", caption="Steeper.", eta=slider(1, 3, 3), kind=choice(["a", "b"]))


def test_moving_a_slider_recomputes(figure):
    box = figure.widget()
    first, kind, plot, note, _ = box.children
    eta, play = first.children
    assert play.max == 2
    assert plot.data[0].y[-1] == 2
    eta.index = 2
    assert plot.data[0].y[-1] == 3
    assert note.value == "eta is 3.0, a"
    kind.index = 1
    assert note.value == "eta is 3.0, b"


def test_heat_map_is_live_too():
    grid = np.arange(3.0)
    figure = explore(
        lambda k: {"z": HeatMap(grid, grid, k * np.eye(3))}, alt="Eye.", caption="Look.", k=slider(1, 2, 2, start=1)
    )
    first, plot, *_ = figure.widget().children
    k = first.children[0]
    k.index = 1
    assert plot.data[0].z[0][0] == 2


def test_live_recomputation_is_quick(figure):
    eta = figure.widget().children[0].children[0]
    start = time.perf_counter()
    for index in (0, 1, 2) * 5:
        eta.index = index
    assert (time.perf_counter() - start) / 15 < 1.0  # a hang, not a benchmark


def test_live_view_is_left_out_of_the_book_and_of_committed_outputs(figure, monkeypatch):
    assert set(figure._repr_mimebundle_()) == {"text/html", "text/plain"}
    monkeypatch.delenv("ENLIB_STATIC")
    assert "application/vnd.jupyter.widget-view+json" in figure._repr_mimebundle_()
