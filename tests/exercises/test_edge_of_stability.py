from enlib import exercises


def test_settling_sharpness():
    assert exercises.check_settling_sharpness(None) == exercises.NOT_YET
    assert exercises.check_settling_sharpness(25) == exercises.RIGHT
    assert exercises.check_settling_sharpness(2 / 0.08) == exercises.RIGHT
    assert "one step solves" in exercises.check_settling_sharpness(12.5)
    assert "solve that" in exercises.check_settling_sharpness(1)
    assert "/ 2 is 2;" in exercises.check_settling_sharpness(50)
    assert "expected a number" in exercises.check_settling_sharpness("25")


def test_catapult_step():
    assert exercises.check_catapult_step(lambda f, lam, eta, n: None) == exercises.NOT_YET
    right = exercises.check_catapult_step(lambda f, lam, eta, n: lam + eta * f**2 / n * (eta * lam - 4))
    assert right == exercises.RIGHT
    assert "eta squared" in exercises.check_catapult_step(lambda f, lam, eta, n: lam - 4 * eta * f**2 / n)
    assert "expand" in exercises.check_catapult_step(lambda f, lam, eta, n: lam)
    assert "expected the function" in exercises.check_catapult_step(lambda f, lam, eta, n: [lam])


def test_momentum_edge():
    assert exercises.check_momentum_edge(None) == exercises.NOT_YET
    assert exercises.check_momentum_edge(380) == exercises.RIGHT
    assert "without momentum" in exercises.check_momentum_edge(200)
    assert "cancel" in exercises.check_momentum_edge(20)
    assert "2 (1 + mu)" in exercises.check_momentum_edge(100)


def test_flattest_catapult():
    assert exercises.check_flattest_catapult(None) == exercises.NOT_YET
    assert exercises.check_flattest_catapult(3) == exercises.RIGHT
    assert "diverge" in exercises.check_flattest_catapult(4.5)
    assert "another one ends lower" in exercises.check_flattest_catapult(2.2)
    assert "another one ends lower" in exercises.check_flattest_catapult(1)
    assert "expected one of" in exercises.check_flattest_catapult(2)
