import pytest

from enlib.replication import Recipe, Remaining, cost


def unit(model="fc1", *, seed=0, epochs=10, runs=1):
    return tuple(
        Recipe(data="digits-1v7", model=model, lr=0.01 * (k + 1), epochs=epochs, seed=seed) for k in range(runs)
    )


def begun(todo, workers=1):
    """An estimate, when the first units are in the hands of workers."""
    remaining = Remaining(todo)
    assert list(remaining.taken(todo[:workers])) == todo[:workers]
    return remaining


def test_nothing_is_known_before_the_first():
    remaining = begun([unit()])
    assert remaining.seconds() is None
    assert str(remaining) == "remaining time unknown yet"


def test_one_kind_goes_on_at_its_rate():
    """Three units, of 10, 10 and 20 epochs; the first took 6 s, so 18 s are left for one worker, 9 for two."""
    todo = [unit(), unit(seed=1), unit(seed=2, epochs=20)]
    for workers, expected in [(1, 18.0), (2, 9.0)]:
        remaining = begun(todo, workers)
        remaining.done(todo[0], seconds=6.0)
        assert remaining.seconds() == pytest.approx(expected)
    remaining.done(todo[1], seconds=10.0)
    assert remaining.seconds() == pytest.approx(16.0), "the rate is that of both, and one unit is for one worker"


def test_workers_that_come_and_go():
    """Of ten equal units of 6 s; what is done by two at once still leaves two workers."""
    todo = [unit(seed=k) for k in range(10)]
    remaining = Remaining(todo)
    left = remaining.taken(todo)
    one, two = next(left), next(left)
    remaining.done(one, seconds=6.0)
    remaining.done(two, seconds=6.0)
    assert remaining.seconds() == pytest.approx(8 * 6.0 / 2)
    taken = [next(left) for _ in range(4)]
    assert remaining.seconds() == pytest.approx(8 * 6.0 / 4)
    for each in taken:
        remaining.done(each, seconds=6.0)
    next(left)
    assert remaining.seconds() == pytest.approx(4 * 6.0)


def test_each_kind_has_its_own_rate():
    small, large = [unit(seed=k) for k in range(3)], [unit("fc2", seed=k) for k in range(3)]
    remaining = begun(small + large)
    remaining.done(small[0], seconds=2.0)
    guess = 2 * 2.0 + 3 * 2.0 * cost(large[0]) / cost(small[0])
    assert remaining.seconds() == pytest.approx(guess), "a kind not seen yet counts at the mean rate"
    assert str(remaining).startswith("very roughly ")
    remaining.done(large[0], seconds=30.0)
    assert remaining.seconds() == pytest.approx(2 * 2.0 + 2 * 30.0)
    assert str(remaining) == "about 64 s left"


def test_what_is_done_elsewhere_is_not_left():
    todo = [unit(seed=k) for k in range(4)]
    remaining = begun(todo)
    remaining.done(todo[0], seconds=5.0)
    remaining.drop(todo[1])
    assert remaining.seconds() == pytest.approx(10.0)


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_left_is_zero(workers):
    todo = [unit(seed=k, runs=3) for k in range(3)]
    remaining = begun(todo, workers)
    for one in todo:
        remaining.done(one, seconds=0.1)
    assert remaining.seconds() == 0
    assert str(remaining) == "about 0 s left"


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.4, "about 0 s left"), (89.4, "about 89 s left"), (90, "about 2 min left"), (5369, "about 89 min left"),
        (5400, "about 1 h 30 min left"), (7199, "about 2 h 0 min left"), (7260, "about 2 h 1 min left"),
        (36000, "about 10 h 0 min left"),
    ],
)  # fmt: skip
def test_words(seconds, text):
    """7199 s were "1 h 60 min"."""
    todo = [unit(), unit(seed=1)]
    remaining = begun(todo)
    remaining.done(todo[0], seconds=seconds)
    assert str(remaining) == text


def test_costs_are_multiplications_of_training():
    assert cost(unit(runs=3)) == 3 * cost(unit())
    assert cost(unit(epochs=20)) == 2 * cost(unit())
    assert cost(unit("fc2")) > 100 * cost(unit())
    spheres = Recipe(data="spheres", outer=1.5, inner=1.0, train=434, model="fc1", lr=0.1, epochs=10, seed=0)
    assert cost((spheres,)) == 2 * cost(unit())
