"""The numbers that the report prints, and the checks of them that need no run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Printed:
    """A row of the report's Table 1 or 3: loss and errors, each without the neuron and with it."""

    loss: tuple[float, float]
    errors: tuple[int, int]


QUALITY = {
    "spheres-1.01-10000": Printed((0.000, 0.000), (0, 0)),
    "spheres-1.01-15000": Printed((44.3, 3693.2), (7, 1096)),
    "spheres-1.01-20000": Printed((8311.8, 335.8), (2338, 35)),
    "gaussians-0.1-15000": Printed((0.000, 0.000), (0, 0)),
    "gaussians-0.1-20000": Printed((41.0, 53.9), (0, 0)),
    "mnist-1v7": Printed((0.000, 0.000), (0, 0)),
    "cifar10-0v1": Printed((0.431, 0.994), (1, 2)),
}
"""The report's Table 1: training loss and training errors."""

SPEED = {
    "spheres-1.01-1000": (20, 23),
    "spheres-1.01-5000": (28, 35),
    "spheres-1.01-10000": (77, 126),
    "gaussians-0.1-10000": (45, 67),
    "gaussians-0.1-15000": (95, 131),
    "mnist-1v7": (15, 20),
    "cifar10-0v1": (20, 23),
}
"""The report's Table 2: iterations to zero training errors, the best of a grid, without the neuron and with it."""

GENERALIZATION = {
    "spheres-1.5-5000": Printed((2684.8, 6901.4), (658, 796)),
    "spheres-5-5000": Printed((678.1, 2351.7), (140, 188)),
    "gaussians-0.5-5000": Printed((384.2, 788.6), (56, 63)),
    "gaussians-1-5000": Printed((1.1, 4.6), (0, 0)),
    "mnist-1v7": Printed((0.2, 0.6), (5, 4)),
    "cifar10-0v1": Printed((3901.5, 4516.7), (314, 313)),
}
"""The report's Table 3: loss and errors on held-out data."""

MNIST_SPLITS = (13_000, 2_000, 2_000)
"""Numbers of training, test and validation images that the report takes from MNIST's ones and sevens."""

MNIST_IMAGES = 13_007 + 2_163
"""Number of ones and sevens in MNIST, training and test images together."""


def impossible(table: dict[str, Printed], *, batch: int = 1) -> list[tuple[str, float, int]]:
    r"""Return the cells whose summed loss would be smaller than their number of errors, which is impossible.

    A sample is an error if its margin is not positive, and then :math:`\max(0, 1 - y f)^3 \ge 1`. Therefore

    .. math:: \sum_i \max(0,\, 1 - y_i f(x_i))^3 \ge \text{number of errors}.

    A cell that violates this is misprinted, or no sum over the samples. The sum of the *means of batches* is another
    reading: it is the sum over the samples divided by the batch size, and no cell of the report violates it.

    Parameters
    ----------
    table : dict
        From problem to its row: `QUALITY` or `GENERALIZATION`.
    batch : int
        Samples in a batch, if cells are taken for sums of the means of batches; 1 takes them for sums.

    Returns
    -------
    list of (str, float, int)
        Problem, loss and errors.

    Examples
    --------
    >>> impossible(QUALITY)
    [('cifar10-0v1', 0.431, 1), ('cifar10-0v1', 0.994, 2)]
    >>> impossible(QUALITY, batch=100)
    []
    """
    cells = [(name, *cell) for name, row in table.items() for cell in zip(row.loss, row.errors, strict=True)]
    return [(name, loss, errors) for name, loss, errors in cells if batch * loss < errors]
