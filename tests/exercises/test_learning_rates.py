from enlib import exercises


def test_step_size_exercises():
    assert exercises.check_largest_step(None) == exercises.NOT_YET
    assert exercises.check_largest_step(0.02) == exercises.RIGHT
    assert "may be larger" in exercises.check_largest_step(0.01)
    assert "up to 2 / curvature" in exercises.check_largest_step(1)
    assert exercises.check_best_factor(lambda kappa: ...) == exercises.NOT_YET
    assert exercises.check_best_factor(lambda kappa: (kappa - 1) / (kappa + 1)) == exercises.RIGHT
    assert "shrink alike" in exercises.check_best_factor(lambda kappa: 0.9)
    assert exercises.check_momentum_limit(None) == exercises.NOT_YET
    assert exercises.check_momentum_limit(3.8) == exercises.RIGHT
    assert "it is 1 at the limit" in exercises.check_momentum_limit(4)
