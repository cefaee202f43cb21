import numpy as np

from enlib.replication import experiments
from enlib.tables import published
from enlib.tables.published import GENERALIZATION, QUALITY, SPEED, Printed, impossible


def test_cells_whose_loss_is_below_their_errors():
    assert impossible(QUALITY) == [("cifar10-0v1", 0.431, 1), ("cifar10-0v1", 0.994, 2)]
    assert impossible(GENERALIZATION) == [("mnist-1v7", 0.2, 5), ("mnist-1v7", 0.6, 4)]
    assert impossible(QUALITY, batch=100) == impossible(GENERALIZATION, batch=100) == []
    assert impossible({"fine": Printed((2.0, 0.0), (2, 0))}) == []


def test_more_images_than_there_are():
    assert sum(published.MNIST_SPLITS) == 17_000 > published.MNIST_IMAGES == 15_170


def test_which_way_the_report_points():
    assert all(slow > fast for fast, slow in SPEED.values())
    assert all(row.loss[1] > row.loss[0] for row in GENERALIZATION.values())
    assert sorted(np.sign(row.errors[1] - row.errors[0]) for row in GENERALIZATION.values()) == [-1, -1, 0, 1, 1, 1]


def test_every_problem_of_the_report_is_an_experiment_of_the_laptop_profile():
    for table, printed in (("1", QUALITY), ("2", SPEED), ("3", GENERALIZATION)):
        assert set(printed) == {experiment.problem for experiment in experiments(table, "laptop")}
