from enlib import exercises
from enlib.landscape import gain_interval_width


def test_sigmoid_exercises():
    assert exercises.check_smallest_weight(None) == exercises.NOT_YET
    assert exercises.check_smallest_weight(4) == exercises.check_smallest_weight(-4.0) == exercises.RIGHT
    assert "largest gain is 2; it should be 1" in exercises.check_smallest_weight(8)
    assert exercises.check_interval_width(lambda w: None) == exercises.NOT_YET
    assert exercises.check_interval_width(gain_interval_width) == exercises.RIGHT
    assert "divide by |w|" in exercises.check_interval_width(lambda w: w * gain_interval_width(w))
    assert "apart, got 1" in exercises.check_interval_width(lambda w: 1.0)
    assert exercises.check_depth(None) == exercises.NOT_YET
    assert exercises.check_depth(10) == exercises.RIGHT
    assert "fewer will do" in exercises.check_depth(12)
