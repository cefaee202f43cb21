"""A real cluster of two CPUs on this machine; what it computes is defined in functions, which travel as they are."""

import importlib.util
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from enlib.datasets import data_directory
from enlib.replication import Made, cluster, experiments, in_workers, make, units
from enlib.replication.cluster import RETRIES, run_ray
from enlib.search import Space, Table

SECONDS = 300
RESULTS = Path(__file__).parents[2] / "results"


def needs_ray(test):
    # Looked for, not imported: Ray must be imported after `run_ray` has told it what to listen on.
    missing = importlib.util.find_spec("ray") is None
    return pytest.mark.cluster(pytest.mark.skipif(missing, reason="needs Ray: make test-cluster")(test))


@contextmanager
def bounded():
    """Raise where something hangs, whatever it waits for."""

    def stop(number, frame):
        raise TimeoutError(f"expected an end within {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def _bounded():
    with bounded():
        yield


@pytest.fixture(scope="module")
def _running():
    """Keep one cluster for all tests but those about starting and stopping."""
    ray = cluster._import(alone=True)
    with ExitStack() as stack:
        with bounded():
            stack.enter_context(cluster._connected(ray, None))
        yield ray


@pytest.fixture
def ray(_running):
    return _running


def quick(number):
    listed = [e for e in experiments("all", "quick") if e.problem in ("digits-1v7", "gaussians-0.5-200")]
    return units(recipe for e in listed for recipe in e.recipes())[:number]


def gone(pid):
    """Wait until a process has ended; whoever adopted it may not have asked for its status yet."""
    while subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip(" \nZ"):
        time.sleep(0.2)
    return True


@contextmanager
def program(text, *arguments):
    text = "from enlib.replication import experiments, units\nfrom enlib.replication.cluster import run_ray\n" + text
    command = [sys.executable, "-c", text, *arguments]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as driver:
        try:
            yield driver
        finally:
            driver.kill()


@needs_ray
def test_the_same_rows_as_on_this_machine(ray):
    todo = quick(4)
    local = {made.unit: made.rows for made in in_workers(make, todo, workers=1)}
    there = list(run_ray(todo))
    assert sorted(map(hash, local)) == sorted(hash(done.unit) for done in there)
    for done in there:
        assert done.machine["threads"] == 1
        assert [{name: repr(value) for name, value in row.items()} for row in done.rows] == [
            {name: repr(value) for name, value in row.items()} for row in local[done.unit]
        ]


@needs_ray
def test_a_killed_worker_costs_a_retry_and_no_row(ray, tmp_path):
    todo = quick(4)

    def work(unit, device):
        index = todo.index(unit)
        with (tmp_path / f"{index}").open("a") as tries:
            tries.write("x")
        if index == 1 and (tmp_path / "1").stat().st_size == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return [{"index": index}]

    done = list(run_ray(todo, work=work))
    assert sorted(one.rows[0]["index"] for one in done) == [0, 1, 2, 3]
    assert all(todo[one.rows[0]["index"]] == one.unit for one in done)
    assert [(tmp_path / f"{index}").stat().st_size for index in range(4)] == [1, 2, 1, 1]


@needs_ray
def test_a_unit_that_kills_every_worker_is_given_up(ray, tmp_path):
    def work(unit, device):
        with (tmp_path / "tries").open("a") as tries:
            tries.write("x")
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(RuntimeError, match=f"expected every unit to be done within {RETRIES} retries, got Worker"):
        list(run_ray(quick(1), work=work))
    assert (tmp_path / "tries").stat().st_size == 1 + RETRIES


@needs_ray
def test_what_the_work_raises_is_raised_at_once(ray, tmp_path):
    def work(unit, device):
        with (tmp_path / "tries").open("a") as tries:
            tries.write("x")
        raise ValueError("expected data, got none")

    with pytest.raises(ValueError, match=r"\Aexpected data, got none\Z"):
        list(run_ray(quick(1), work=work))
    assert (tmp_path / "tries").stat().st_size == 1


@needs_ray
def test_units_are_taken_only_when_a_cpu_is_free(ray):
    cpus = int(ray.cluster_resources()["CPU"])
    done, ahead = 0, []

    def lazily():
        for number, unit in enumerate(quick(6), start=1):
            ahead.append(number - done)
            yield unit

    for one in run_ray(lazily(), work=lambda unit, device: []):
        assert isinstance(one, Made)
        done += 1
    assert done == len(ahead) == 6
    assert max(ahead) == min(cpus, 6)


@needs_ray
def test_a_worker_has_one_thread_and_the_data(ray, tmp_path, monkeypatch):
    monkeypatch.setenv("ENLIB_DATA", str(tmp_path))

    def work(unit, device):
        import torch

        return [
            {
                "device": device,
                "OMP_NUM_THREADS": os.environ["OMP_NUM_THREADS"],
                "threads": torch.get_num_threads(),
                "data": str(data_directory()),
            }
        ]

    (done,) = run_ray(quick(1), work=work)
    assert done.rows == [{"device": "cpu", "OMP_NUM_THREADS": "1", "threads": 1, "data": str(tmp_path)}]


@needs_ray
def test_a_cluster_without_gpus_says_so(ray):
    if ray.cluster_resources().get("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(RuntimeError, match="expected a cluster with CPU and GPU for device 'cuda', got"):
        next(run_ray(quick(1), device="cuda"))
    (done,) = run_ray(quick(1), device="auto", work=lambda unit, device: [{"device": device}])
    assert done.rows == [{"device": "cpu"}]


@needs_ray
def test_another_cluster_is_used_and_left_running(ray):
    text = """
import sys
todo = units(experiments("1", "quick")[0].recipes())[:1]
print(list(run_ray(todo, address=sys.argv[1], work=lambda unit, device: [{"row": 1}]))[0].rows)
"""
    with program(text, ray.get_runtime_context().gcs_address) as driver:
        assert driver.communicate() == ("[{'row': 1}]\n", "")
    assert len(list(run_ray(quick(1), work=lambda unit, device: []))) == 1


@needs_ray
def test_a_connection_that_is_there_is_not_taken_for_another(ray):
    address = ray.get_runtime_context().gcs_address
    with pytest.raises(RuntimeError, match=f"expected to connect to {address}, got a connection that was there"):
        next(run_ray(quick(1), address=address))
    assert ray.is_initialized()


@needs_ray
def test_a_cluster_of_its_own_listens_on_the_loopback_address_alone(ray):
    (node,) = ray.nodes()
    gcs = ray.get_runtime_context().gcs_address.rpartition(":")[2]
    for port in (int(gcs), node["NodeManagerPort"], node["ObjectManagerPort"]):
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        # What listens on every address does so on this one.
        with pytest.raises(OSError):  # noqa: PT011
            socket.create_connection(("127.0.0.2", port), timeout=10).close()


@needs_ray
def test_ctrl_c_stops_what_was_started():
    text = """
import os, time

def work(unit, device):
    if unit[0].seed:
        time.sleep(3600)
    return [{"worker": os.getpid(), "raylet": os.getppid()}]

for done in run_ray(units(experiments("1", "quick")[0].recipes()), work=work):
    print(*done.rows[0].values(), flush=True)
"""
    with program(text) as driver:
        started = [int(pid) for pid in driver.stdout.readline().split()]
        (folder,) = Path("/tmp").glob(f"enlib-*/session_*_{driver.pid}")
        driver.send_signal(signal.SIGINT)
        _, errors = driver.communicate()
    # Ray may pass on a line of a worker's after the traceback.
    assert "KeyboardInterrupt" in errors.splitlines(), errors
    assert len(started) == 2
    assert all(gone(pid) for pid in started)
    assert not folder.parent.exists()


@needs_ray
def test_a_cluster_without_room_for_a_moment_loses_no_unit(ray, monkeypatch):
    rooms = itertools.chain([1], itertools.repeat(0))
    monkeypatch.setattr(cluster, "_room", lambda *_: next(rooms))
    todo = quick(3)
    done = run_ray(todo, work=lambda unit, device: [{"row": 1}])
    assert {each.unit for each in done} == set(todo)


def test_an_address_that_is_none():
    with pytest.raises(ValueError, match="expected an address .*HOST:PORT, got '10.0.0.1:abc'"):
        cluster._reach("10.0.0.1:abc")


@needs_ray
def test_where_nothing_answers_the_address_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ValueError, match=f"expected a Ray cluster at {address}, got .*: start one with"):
            next(run_ray(quick(1), address=address))


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RuntimeError, match=r"expected the extra 'cluster', got none: pip install 'enlib\[cluster\]'"):
        next(run_ray(quick(1)))


@needs_ray
@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs ray[tune]: make test-cluster")
def test_ray_tunes_six_words_on_the_table_of_searches(ray, tmp_path):
    """Its trainable looks up what the search notebook's table has; its scheduler halves, its grid has every trial."""
    from ray import tune
    from ray.tune.schedulers import HyperBandScheduler

    space = Space(lr=("log", 1e-4, 1.0), weight_scale=("log", 0.1, 10.0))
    table = Table.read(RESULTS / "search.csv", space, of=2000)

    def trainable(config):
        for budget in table.budgets:
            tune.report({"error": table.value(config, budget, seed=0), "epochs": budget})

    tuner = tune.Tuner(
        trainable,
        param_space={name: tune.loguniform(low, high) for name, (_, low, high) in space.axes.items()},
        tune_config=tune.TuneConfig(
            metric="error",
            mode="min",
            num_samples=9,
            search_alg=tune.search.BasicVariantGenerator(random_state=0),
            scheduler=HyperBandScheduler(time_attr="training_iteration", max_t=5, reduction_factor=3),
        ),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
    )
    results = tuner.fit()
    assert len(results) == 9
    assert not results.errors
    for result in results:
        last = result.metrics
        assert last["error"] == table.value(result.config, last["epochs"], seed=0)
        assert 1e-4 <= result.config["lr"] <= 1
    assert len({result.metrics["epochs"] for result in results}) > 1  # some were stopped
    assert results.get_best_result().metrics["error"] == min(result.metrics["error"] for result in results)
