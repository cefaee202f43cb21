"""What the engines of the sweep gain: stacks of small networks, and the fast forms of the large ones.

Each contestant is compared with the faster of two plain loops, on one thread and on two, at equal work and with equal
results, which is checked; all run in turn, so that a machine whose speed drifts is fair to all. The figures to quote
are the medians of the ratios of one round. Writes ``benchmarks/sweep.json``. About ten minutes on two cores.
"""

from __future__ import annotations

import json
import os

import _sweep_conv as large
import _sweep_stacked as small
from _measure import write

from enlib.replication import describe

ROUNDS = 3


def main() -> None:
    result = {
        "small networks": [small.many_runs(ROUNDS), small.full_batch(ROUNDS)],
        "peak memory of full-batch steps of 160 stacked runs, n = 5000, above import, GB": small.memory(),
        "large networks": [large.compare(name) for name in large.PROBLEMS],
        "environment": describe() | {"threads": None, "cores": os.cpu_count()},
    }
    write(__file__, result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
