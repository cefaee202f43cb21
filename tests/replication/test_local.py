import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from enlib.replication import Recipe, describe, run_local
from enlib.replication.local import Done, timed


def units(count):
    return [(Recipe(data="digits-1v7", model="fc1", lr=0.01, epochs=1, seed=seed),) for seed in range(count)]


PROGRAM = """
import os, signal, sys, time
from enlib.replication import Recipe, run_local

def units(count):
    return [(Recipe(data="digits-1v7", model="fc1", lr=0.01, epochs=1, seed=seed),) for seed in range(count)]

{work}

if __name__ == "__main__":
{main}
"""


def start(tmp_path, work, main, **options):
    """Start a program with functions that its workers can import."""
    path = tmp_path / "program.py"
    text = PROGRAM.format(work=textwrap.dedent(work), main=textwrap.indent(textwrap.dedent(main), "    "))
    path.write_text(text, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def finish(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out.split(), err


def test_every_unit_once_and_only_when_a_worker_is_free(tmp_path):
    """With two workers, at most two units are taken and not yet given back."""
    process = start(
        tmp_path,
        "def work(unit, device): return [{'seed': unit[0].seed, 'pid': os.getpid(), 'device': device}]",
        """
        taken, given = [], []
        def lazily():
            for unit in units(7):
                taken.append(unit)
                assert len(taken) - len(given) <= 2, (len(taken), len(given))
                yield unit
        for done in run_local(lazily(), workers=2, device="cpu:0", work=work):
            given.append(done.rows[0]["seed"])
            assert done.rows[0]["device"] == "cpu:0" and done.seconds >= 0
            assert done.unit[0].seed == given[-1] and done.rows[0]["pid"] != os.getpid()
        print(*sorted(given))
        """,
    )
    assert finish(process) == (0, list("0123456"), "")


def test_one_worker_keeps_the_order(tmp_path):
    process = start(
        tmp_path,
        "def work(unit, device): return [unit[0].seed]",
        "print(*(done.rows[0] for done in run_local(units(4), workers=1, work=work)))",
    )
    assert finish(process) == (0, list("0123"), "")


def test_no_more_workers_than_units(tmp_path):
    process = start(
        tmp_path,
        "def work(unit, device): time.sleep(0.5); return [os.getpid()]",
        """
        import multiprocessing
        stream = run_local(units(2), workers=50, work=work)
        next(stream)
        print(len(multiprocessing.active_children()))
        list(stream)
        """,
    )
    code, (started,), _ = finish(process)
    assert code == 0
    assert int(started) <= 2


def test_a_worker_computes_with_one_thread(tmp_path):
    process = start(
        tmp_path,
        "def work(unit, device):\n    import torch\n    return [torch.get_num_threads()]",
        "print(*(done.rows[0] for done in run_local(units(1), workers=1, work=work)))",
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert finish(process) == (0, ["1"], "")


def test_what_a_worker_raises_is_raised_and_the_others_go_at_once(tmp_path):
    process = start(
        tmp_path,
        """
        def work(unit, device):
            if unit[0].seed:
                raise ValueError("expected sun, got rain: wait")
            print(os.getpid(), flush=True)
            time.sleep(600)
        """,
        """
        try:
            list(run_local(units(2), workers=2, work=work))
        except ValueError as error:
            print(str(error).replace(" ", "_"))
        """,
    )
    code, words, _ = finish(process)
    assert code == 0
    assert words[-1] == "expected_sun,_got_rain:_wait"
    for pid in words[:-1]:
        assert gone(int(pid))


def test_a_worker_that_is_killed(tmp_path):
    process = start(
        tmp_path,
        """
        def work(unit, device):
            if unit[0].seed:
                os.kill(os.getpid(), 9)
            return [0]
        """,
        """
        done = []
        try:
            for one in run_local(units(2), workers=1, work=work):
                done.append(one)
        except RuntimeError as error:
            print(len(done), str(error).replace(" ", "_"))
        """,
    )
    code, words, _ = finish(process)
    assert (code, words[0]) == (0, "1")
    assert words[1].startswith("expected_every_worker_to_live,_got_one_that_ended")
    assert "with_fewer_--workers" in words[1]


def gone(pid, seconds=30.0):
    """Whether a process ends soon; one that nobody waits for counts as ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    return False


SLEEP = "def work(unit, device): print(os.getpid(), flush=True); time.sleep(600)"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_go_with_the_one_that_started_them(tmp_path, how):
    process = start(tmp_path, SLEEP, "list(run_local(units(2), workers=2, work=work))")
    pids = [int(process.stdout.readline()) for _ in range(2)]
    started = time.monotonic()
    process.send_signal(how)
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert all(gone(pid) for pid in pids)
    assert time.monotonic() - started < 120, "it waited for the work in hand"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_ctrl_c_in_a_terminal_is_for_the_first_process_alone(tmp_path):
    """The terminal sends it to the whole group; the workers leave no traceback of their own."""
    main = """
        try:
            list(run_local(units(2), workers=2, work=work))
        except KeyboardInterrupt:
            print("interrupted")
    """
    process = start(tmp_path, SLEEP, main, start_new_session=True)
    pids = [int(process.stdout.readline()) for _ in range(2)]
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process) == (0, ["interrupted"], "")
    assert all(gone(pid) for pid in pids)


def test_who_stops_listening_stops_the_workers(tmp_path):
    process = start(
        tmp_path,
        "def work(unit, device): time.sleep(600 * unit[0].seed); return [os.getpid()]",
        "stream = run_local(units(2), workers=2, work=work); next(stream); stream.close(); print('closed')",
    )
    assert finish(process) == (0, ["closed"], "")


def test_nothing_to_do_starts_no_worker():
    assert list(run_local([], workers=2)) == []


@pytest.mark.parametrize("workers", [0, -1, 1.5])
def test_bad_numbers_of_workers(workers):
    with pytest.raises(ValueError, match="expected workers to be an integer >= 1"):
        list(run_local([], workers=workers))


def test_the_rows_of_one_worker_are_those_of_two():
    settings = {"data": "spheres", "inner": 1.0, "outer": 1.5, "train": 100, "model": "fc1", "epochs": 2}
    todo = [tuple(Recipe(**settings, lr=lr, seed=seed) for lr in (0.01, 0.02)) for seed in range(3)]
    one, two = ({done.unit: repr(done.rows) for done in run_local(todo, workers=workers)} for workers in (1, 2))
    assert one == two
    assert set(one) == set(todo)


def test_timed():
    def work(unit, device):
        time.sleep(0.05)
        return [{"device": device}]

    (unit,) = units(1)
    done = timed(work, unit, "cpu")
    assert isinstance(done, Done)
    assert (done.unit, done.rows) == (unit, [{"device": "cpu"}])
    assert done.seconds >= 0.05
    assert done.machine == describe("cpu")
