from enlib import exercises
from enlib.training import first_spike


def test_adams_limit():
    assert exercises.check_adam_limit(None) == exercises.NOT_YET
    assert exercises.check_adam_limit(6) == exercises.RIGHT
    assert "Adam averages" in exercises.check_adam_limit(3)
    assert "not 5" in exercises.check_adam_limit(5)


def test_finding_the_first_spike():
    check = exercises.check_first_spike
    assert check(lambda losses: None) == exercises.NOT_YET
    assert check(first_spike) == exercises.RIGHT
    assert check(lambda losses: next(k for k in range(1, len(losses)) if losses[k] > 100 * min(losses[:k]))) == (
        exercises.RIGHT
    )
    assert "return an update, got nan" in check(lambda losses: float("nan"))
    assert "return an update, got 'x'" in check(lambda losses: "x")
    assert "the first spike is at 2, got 1" in check(lambda losses: 1)


def test_a_rate_of_none_in_twenty():
    assert exercises.check_no_spikes(None) == exercises.NOT_YET
    assert exercises.check_no_spikes(0.161) == exercises.RIGHT
    assert "in per cent" in exercises.check_no_spikes(16.1)
    assert "too narrow" in exercises.check_no_spikes(0.05)
    assert "too wide" in exercises.check_no_spikes(0.5)
