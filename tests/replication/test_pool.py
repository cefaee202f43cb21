"""The pool in programs of their own, which load its module alone: no worker here imports torch."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from enlib.replication import in_workers, pool

PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, {folder!r})
from pool import in_workers

{work}

if __name__ == "__main__":
{main}
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def start(tmp_path, work, main, **options):
    """Start a program with a function that its workers can import."""
    path = tmp_path / "program.py"
    main = textwrap.indent(textwrap.dedent(main), "    ")
    folder = str(Path(pool.__file__).parent)
    path.write_text(PROGRAM.format(folder=folder, work=textwrap.dedent(work), main=main), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out.split(), err


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
        time.sleep(0.05)
    return False


def test_each_item_has_a_result_from_another_process(tmp_path):
    process = start(
        tmp_path,
        "def work(item): time.sleep(0.2); return item, os.getpid()",
        """
        found = list(in_workers(work, [0, 1, 1, 2], workers=2))
        pids = {pid for _, pid in found}
        print(*sorted(item for item, _ in found), len(pids), os.getpid() in pids)
        """,
    )
    assert finish(process) == (0, ["0", "1", "1", "2", "2", "False"], "")


def test_no_more_workers_than_items(tmp_path):
    process = start(
        tmp_path,
        "def work(item): time.sleep(0.5)",
        """
        import multiprocessing
        stream = in_workers(work, range(2), workers=10**20)
        next(stream)
        print(len(multiprocessing.active_children()))
        list(stream)
        """,
    )
    code, (started,), _ = finish(process)
    assert code == 0
    assert int(started) <= 2


def test_what_a_worker_raises_is_raised_and_the_others_end_at_once(tmp_path):
    process = start(
        tmp_path,
        """
        def work(item):
            if item:
                time.sleep(1)
                raise ValueError("expected sun, got rain: wait")
            print(os.getpid(), flush=True)
            time.sleep(600)
        """,
        """
        try:
            list(in_workers(work, range(2), workers=2))
        except ValueError as error:
            print(str(error).replace(" ", "_"))
        """,
    )
    code, (pid, said), _ = finish(process)
    assert (code, said) == (0, "expected_sun,_got_rain:_wait")
    assert gone(int(pid))


def test_a_worker_that_is_killed(tmp_path):
    process = start(
        tmp_path,
        """
        def work(item):
            if item:
                os.kill(os.getpid(), 9)
        """,
        """
        done = []
        try:
            for one in in_workers(work, range(2), workers=1):
                done.append(one)
        except RuntimeError as error:
            print(len(done), str(error).replace(" ", "_"))
        """,
    )
    code, (done, said), _ = finish(process)
    assert (code, done) == (0, "1")
    assert said.startswith("expected_every_worker_to_live,_got_one_that_died")


SLEEP = "def work(item): print(os.getpid(), flush=True); time.sleep(600)"


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_workers_end_with_the_process_that_started_them(tmp_path, how):
    process = start(tmp_path, SLEEP, "list(in_workers(work, range(2), workers=2))")
    pids = [int(process.stdout.readline()) for _ in range(2)]
    process.send_signal(how)
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert all(gone(pid) for pid in pids)


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP])
def test_what_a_terminal_sends_to_all_is_for_the_first_process_alone(tmp_path, how):
    """The workers leave no traceback of their own."""
    main = f"""
        def stop(number, frame):
            raise KeyboardInterrupt
        signal.signal({int(how)}, stop)
        try:
            list(in_workers(work, range(2), workers=2))
        except KeyboardInterrupt:
            print("interrupted")
    """
    process = start(tmp_path, SLEEP, main, start_new_session=True)
    pids = [int(process.stdout.readline()) for _ in range(2)]
    os.killpg(process.pid, how)
    assert finish(process) == (0, ["interrupted"], "")
    assert all(gone(pid) for pid in pids)


def test_closing_the_results_ends_the_workers(tmp_path):
    process = start(
        tmp_path,
        "def work(item): time.sleep(600 * item)",
        "stream = in_workers(work, range(2), workers=2); next(stream); stream.close(); print('closed')",
    )
    assert finish(process) == (0, ["closed"], "")


def test_no_items():
    assert list(in_workers(math.sqrt, [], workers=3)) == []


@pytest.mark.parametrize("workers", [0, -1])
def test_bad_numbers_of_workers(workers):
    with pytest.raises(ValueError, match="expected workers >= 1"):
        next(in_workers(math.sqrt, [1], workers=workers))
