import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from enlib import cli
from enlib.cli import main

# A command line with one command, and without torch: what stands in for it is never used.
STUB = """
import sys, types
class Stub(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (RuntimeError,), {})
for name in ("", ".datasets", ".cli.data", ".cli.train", ".cli.replicate", ".cli.report"):
    sys.modules["enlib" + name] = Stub(name)
sys.modules["enlib"].__version__, sys.modules["enlib"].__path__ = "0", [PATH]
import os, signal, time
import enlib.cli as cli
def run(options):
RUN
class Command:
    def add_parser(commands):
        commands.add_parser("go").set_defaults(run=run)
cli._COMMANDS = [Command]
sys.exit(cli.main(["go"]))
"""


def program(body):
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    package = str(Path(cli.__file__).parents[1])
    return [sys.executable, "-c", STUB.replace("RUN", lines).replace("PATH", repr(package))]


def run(body, **how):
    return subprocess.run(program(body), capture_output=True, text=True, timeout=60, **how)


def stand_in(monkeypatch, run):
    """Let ``main(["go"])`` run a function."""

    def add_parser(commands):
        commands.add_parser("go").set_defaults(run=run)

    monkeypatch.setattr(cli, "_COMMANDS", [SimpleNamespace(add_parser=add_parser)])


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    for command in ("data", "train", "replicate", "report"):
        assert re.search(rf"^    {command}\b", printed, re.MULTILINE)


def test_wrong_usage_is_status_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2


@pytest.mark.slow
def test_errors_are_one_message_without_a_traceback():
    ran = subprocess.run([sys.executable, "-m", "enlib", "train", "--data", "sphere"], capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: expected data to be one of")
    assert "did you mean 'spheres'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_ctrl_c_is_status_130(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    stand_in(monkeypatch, interrupted)
    assert main(["go"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


ORDERLY = """
try:
    print("started", flush=True)
    for _ in range(600):  # one long sleep sees no signal that comes just before it
        time.sleep(0.1)
except KeyboardInterrupt:
    print("table written", flush=True)
    END
"""


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("end", ["raise", "return 130", "return 0"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_ends_a_command_in_order(name, end):
    number = getattr(signal, name)
    with subprocess.Popen(program(ORDERLY.replace("END", end)), stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout.readline() == "started\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert out == "table written\n"
    assert err == ("" if end != "raise" else "interrupted\n" if name == "SIGINT" else f"interrupted by {name}\n")
    assert process.returncode == (0 if name == "SIGINT" and end == "return 0" else 128 + number)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_second_signal_does_not_disturb_the_orderly_end():
    ran = run("""
try:
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(60)
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGHUP)
    print("table written")
    raise
""")
    assert (ran.returncode, ran.stdout, ran.stderr) == (129, "table written\n", "interrupted by SIGHUP\n")


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_hangup_that_nohup_ignores_stays_ignored():
    ran = run("os.kill(os.getpid(), signal.SIGHUP)\nprint('done')\nreturn 0", preexec_fn=ignore_hangups)
    assert (ran.returncode, ran.stdout) == (0, "done\n")


def ignore_hangups():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_a_forked_child_dies_of_the_signal_at_once():
    ran = run("""
child = os.fork()
if child == 0:
    time.sleep(60)
time.sleep(0.2)
os.kill(child, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
return 0
""")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{-signal.SIGTERM}\n", "")


def test_handlers_are_restored_and_threads_may_call_main(monkeypatch):
    stand_in(monkeypatch, lambda options: 0)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["go"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(main(["go"])))
    thread.start()
    thread.join()
    assert statuses == [0]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_text_that_a_terminal_cannot_encode_is_printed_with_replacements(encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    ran = run("print('\\u03b7 \\u2264 2/\\u03bb, done')\nraise ValueError('\\u03b7 too large')", env=environment)
    assert ran.returncode == 1
    assert ran.stdout == "? ? 2/?, done\n"
    assert ran.stderr.endswith("too large\n")
    assert "Traceback" not in ran.stderr


def test_streams_that_are_no_text_files_are_left_alone(monkeypatch):
    stand_in(monkeypatch, lambda options: print("\u03b7") or 0)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert main(["go"]) == 0
    assert sys.stdout.getvalue() == "\u03b7\n"


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_a_closed_stream_crashes_nothing(closed, tmp_path):
    body = f"""
from tqdm import tqdm
print("result")
print("progress", file=sys.stderr)
for _ in tqdm(range(3)):
    pass
open({str(tmp_path / "written")!r}, "w").close()
raise ValueError("told to nobody")
"""
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *program(body)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert (tmp_path / "written").exists()
    assert "Traceback" not in ran.stdout + ran.stderr
    assert ("result" in ran.stdout) == ("1>" not in closed)
    assert ("told to nobody" in ran.stderr) == ("2>" not in closed)


@pytest.mark.skipif(os.name == "nt", reason="needs pipes")
def test_a_reader_that_leaves_is_no_traceback():
    with subprocess.Popen(
        program("for _ in range(10**5):\n    print('line')\nreturn 0"), stdout=-1, stderr=-1, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_the_stub_starts_without_torch():
    started = time.monotonic()
    ran = run("print('torch' in sys.modules)\nreturn 0")
    assert ran.stdout == "False\n", (ran, time.monotonic() - started)
