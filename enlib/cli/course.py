"""``python -m enlib course student | grade``: notebooks without solutions, and who has answered what.

`grade` runs readers' code in processes of its own: this very file, which at first imports nothing but the standard
library. Such a process has limits of time and, where the system has them, of memory, processes and sizes of files.
Its home and working directory is an empty folder, and it has none of the teacher's environment variables. On Linux
with Landlock it can write nowhere else, open no TCP connection (from Linux 6.7 on) and send no signal to others (from
6.12 on). The files of the graded folder are kept in memory and put back if they change.

It is no sandbox: the code can read what the teacher can read and, without Landlock, do what the teacher can do.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import ctypes
import io
import json
import linecache
import os
import re
import secrets
import shutil
import signal
import struct
import subprocess
import symtable
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any, TypeAlias

_SOLUTION = re.compile(r"<details><summary>Solution</summary>.*?</details>\s*", re.DOTALL)
_ANSWER = re.compile(r"(?:^> *\n)?^> *<details><summary>Answer</summary>.*?^> *</details> *\n?", re.DOTALL | re.M)
_COLUMNS = ("exercises", "answered", "right", "wrong", "broken", "seconds")
_LARGEST = 100_000_000  # bytes of a file; a larger one is neither graded nor kept
_RESTARTS = 5  # how often a notebook may end its process
_Verdicts: TypeAlias = "dict[str, tuple[str, str]]"  # from an exercise to its state and what the check says


def add_parser(commands: Any) -> None:
    """Add ``course`` to the commands."""
    parser = commands.add_parser("course", help="for teachers: notebooks without solutions, and grading")
    actions = parser.add_subparsers(required=True, metavar="action")
    student = actions.add_parser("student", help="write the notebooks without solutions and outputs to a new folder")
    student.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    student.add_argument("--notebooks", type=Path, default=Path("notebooks"), help="those of the course")
    student.add_argument("--no-answers", action="store_true", help="leave out the answers to the predictions, too")
    student.set_defaults(run=_student)
    grade = actions.add_parser("grade", help="check the exercises in a folder of notebooks; runs their code")
    grade.add_argument("folder", type=Path, metavar="DIR", help="the notebooks, also in folders below")
    grade.add_argument("--out", type=Path, default=Path("grades.csv"), help="the table (default: grades.csv)")
    grade.add_argument("--seconds", type=float, default=60, help="longest time for an exercise (default: 60)")
    grade.add_argument("--memory", type=float, default=4, help="GB that a process may allocate (default: 4)")
    grade.set_defaults(run=_grade)


def _student(options: Any) -> int:
    paths = sorted(options.notebooks.glob("*.ipynb"))
    if not paths:
        raise ValueError(f"expected notebooks in {options.notebooks}, found none: pass their folder with --notebooks")
    if options.folder.exists() and any(options.folder.iterdir()):
        raise ValueError(f"expected a new or an empty folder, got {options.folder}: choose another one")
    (options.folder / "notebooks").mkdir(parents=True)
    for path in paths:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None
            else:
                text = _SOLUTION.sub("", text)
                text = _ANSWER.sub("", text) if options.no_answers else text
            cell["source"] = text.rstrip().splitlines(keepends=True)
        notebook["cells"] = [cell for cell in notebook["cells"] if cell["source"]]
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        (options.folder / "notebooks" / path.name).write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(paths)} notebooks without solutions in {options.folder / 'notebooks'}")
    return 0


def _grade(options: Any) -> int:
    from enlib import _tools

    _tools.positive("--seconds", options.seconds)
    _tools.positive("--memory", options.memory)
    paths = [path for path in sorted(options.folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    kept = {path: _Kept(path) for path in paths if path.resolve() != options.out.resolve()}
    names = [path for path in kept if path.suffix == ".ipynb" and ".ipynb_checkpoints" not in path.parts]
    if not names:
        raise ValueError(f"expected notebooks in {options.folder}, found none: pass the folder that holds them")
    lines: list[tuple[str, ...]] = [("notebook", *_COLUMNS, "remarks")]
    confined = True
    shown = {path: _plain(path.relative_to(options.folder).as_posix()) for path in names}
    width = max(map(len, shown.values()))
    print("notebook".ljust(width), *_COLUMNS, sep="  ")
    for path in names:
        started = time.monotonic()
        verdicts, remarks, safe = _judge(kept[path].data, options.seconds, options.memory)
        confined &= safe
        remarks += [f"{name}: {said}" for name, (_, said) in verdicts.items() if said]
        if restored := sum(each.restore() for each in kept.values()):
            remarks.append(f"files restored: {restored}")
        states = [state for state, _ in verdicts.values() if state != "unanswered"]
        numbers = [len(verdicts), len(states), *(states.count(state) for state in ("right", "wrong", "broken"))]
        cells = [*map(str, numbers), f"{time.monotonic() - started:.1f}"]
        remark = _plain("; ".join(remarks))
        aligned = [cell.rjust(len(column)) for cell, column in zip(cells, _COLUMNS, strict=True)]
        print(shown[path].ljust(width), *aligned, remark[:70], sep="  ", flush=True)
        lines.append((shown[path], *cells, remark))
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        _tools.write_atomically(options.out, text.getvalue().encode("utf-8-sig"))  # so that Excel reads it, too
    print(f"{len(names)} notebooks in {options.out}")
    if not confined:
        print("note: this system does not confine what notebooks write: see the page for teachers", file=sys.stderr)
    return 0


def _plain(text: str) -> str:
    """Return text that steers no terminal and is no formula in a spreadsheet."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text


class _Kept:
    """What a file holds, to be put back if a notebook's code changes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stamp = self._stamp()
        self.data: bytes | None = None
        with contextlib.suppress(OSError):
            self.data = path.read_bytes() if path.stat().st_size <= _LARGEST else None

    def _stamp(self) -> list[int]:
        with contextlib.suppress(OSError):
            found = self.path.lstat()
            return [found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
        return []

    def restore(self) -> bool:
        """Put the file back if it is gone or has changed, and return whether it was."""
        if self.data is None or self._stamp() == self.stamp:
            return False
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        changed = self.path.is_symlink() or not self.path.is_file() or self.path.read_bytes() != self.data
        if changed:
            self.path.unlink(missing_ok=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(self.data)
        self.stamp = self._stamp()
        return changed


def _judge(data: bytes | None, seconds: float, memory: float) -> tuple[_Verdicts, list[str], bool]:
    """Return the verdict on each exercise of a notebook, remarks, and whether its code was confined."""
    verdicts: _Verdicts = {}
    if data is None:
        return verdicts, ["not read: too large, or not permitted"], True
    try:
        cells = [(cell["cell_type"], cell["source"]) for cell in json.loads(data.decode("utf-8-sig"))["cells"]]
        code = ["".join(source) for kind, source in cells if kind == "code"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return verdicts, [f"not a notebook: {_told(error)}"], True
    job: dict[str, Any] = {"cells": code, "limits": [memory * 1e9, 60 * seconds]}
    for _ in range(_RESTARTS):
        messages, end = _run({**job, "done": list(verdicts)}, seconds)
        if not messages or "asked" not in messages[0]:
            return verdicts, [f"broken: {end}"], True
        verdicts |= {told["exercise"]: (told["state"], told["said"]) for told in messages[1:] if "exercise" in told}
        left = [name for name in messages[0]["asked"] if name not in verdicts]
        if not left:
            return verdicts, [] if verdicts else ["no exercises"], messages[0]["confined"]
        verdicts[left[0]] = "broken", end
    verdicts |= dict.fromkeys(left[1:], ("broken", f"not tried after {_RESTARTS} others"))
    return verdicts, [], messages[0]["confined"]


def _run(job: dict[str, Any], seconds: float) -> tuple[list[dict[str, Any]], str]:
    """Run a notebook's code in a process of its own; return what it says, and how it ended."""
    import matplotlib

    mark, key = secrets.token_hex(), secrets.token_hex()
    temporary = tempfile.TemporaryDirectory(prefix="enlib-", ignore_cleanup_errors=True)
    with temporary as place, tempfile.TemporaryFile() as said:
        for fonts in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):  # which takes seconds to make
            shutil.copy(fonts, place)
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
        homes = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), place)
        settings = {"ENLIB_GRADED": mark, "ENLIB_STATIC": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        process = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE, stdout=said, stderr=subprocess.DEVNULL,
            cwd=place, env=kept | homes | settings, start_new_session=True,
        )  # fmt: skip
        job |= {"place": place, "key": key, "path": [str(Path(folder).absolute()) for folder in sys.path]}
        try:
            process.communicate(json.dumps(job).encode(), timeout=seconds)
            status = process.returncode
            end = f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended its process with {status}"
        except subprocess.TimeoutExpired:
            end = f"stopped after {seconds:g} s"
        finally:
            _end(process, mark)
        said.seek(0)
        messages = []
        for line in said.read(_LARGEST).splitlines():
            with contextlib.suppress(ValueError, RecursionError):  # the notebook's code may write there, too
                message = json.loads(line)
                if isinstance(message, dict) and message.get("key") == key:
                    messages.append(message)
    return messages, next((message["end"] for message in messages if "end" in message), end)


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill a process and all that it has started, which carry a mark in their environment."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for _ in range(1000):  # one may fork while we look
        left = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark.encode() in path.read_bytes():
                    left.append(int(path.parent.name))
                    os.kill(left[-1], signal.SIGKILL)
        if not left:
            return


def _work() -> None:
    """Judge the exercises of a notebook that the first process has written to this one's standard input."""
    job = json.load(sys.stdin)
    me, channel = os.getpid(), os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)

    def say(**message: object) -> None:
        if os.getpid() != me:  # a fork of the reader's
            os._exit(0)
        channel.write(json.dumps({**message, "key": job["key"]}) + "\n")
        channel.flush()

    try:
        sys.path[:] = job["path"]
        from enlib import exercises

        checks = vars(exercises)["CHECKS"]

        # The reader's code imports copies of its own: to replace `check` there changes nothing here.
        for name in [name for name in sys.modules if name.startswith("enlib.exercises")]:
            del sys.modules[name]
        vars(sys.modules["enlib"]).pop("exercises", None)
        _limit(*map(int, job["limits"]))
        confined = _confine(job["place"])
        cells = [_parsed(source, f"cell {k}") for k, source in enumerate(job["cells"], 1)]
        asked = {
            call.args[0].value: (cells[: k + 1], call.args[1])
            for k, (tree, _) in enumerate(cells)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "check"
            if len(call.args) == 2 and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
        }
        say(asked=list(asked), confined=confined)
        for name in [name for name in asked if name not in job["done"]]:
            state, said = _verdict(checks.get(name), *asked[name])
            say(exercise=name, state=state, said="" if state in ("right", "unanswered") else said[:300])
        say(end="done")
    except BaseException as error:
        say(end=_told(error))
    os._exit(0)


def _verdict(check: Any, cells: list[tuple[ast.Module, str]], answer: ast.expr) -> tuple[str, str]:
    """Run the cells that an answer needs; return the state of it, and what the check says."""
    if check is None:
        return "broken", "no such exercise"
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    names, troubles = vars(module), [trouble for _, trouble in cells if trouble]
    names["display"] = lambda *objects, **options: None
    for k in _needed([tree for tree, _ in cells], answer):
        try:
            exec(compile(cells[k][0], f"cell {k + 1}", "exec"), names)
        except BaseException as error:  # also SystemExit; the next cell may still work, as in a notebook
            troubles.insert(0, f"cell {k + 1}: {_told(error)}")
    try:
        value = eval(compile(ast.Expression(answer), "answer", "eval"), names)
        troubles = []
        said = str(check(value))
        return {"right!": "right", "not answered yet": "unanswered"}.get(said, "wrong"), said
    except BaseException as error:
        return "broken", troubles[0] if troubles else _told(error)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:200]


def _parsed(source: str, name: str) -> tuple[ast.Module, str]:
    """Return a cell's syntax tree, without what only IPython knows; if there is none, an empty one and why."""
    lines = [re.sub(r"^(\s*)[%!?].*", r"\1pass", line) for line in source.splitlines()]
    linecache.cache[name] = len(source), None, [line + "\n" for line in lines], name  # for `inspect.getsource`
    try:
        tree = ast.parse("\n".join(lines))
        _names(tree)
        return tree, ""
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return ast.parse(""), f"{name}: {_told(error)}"


def _needed(trees: list[ast.Module], answer: ast.expr) -> list[int]:
    """Return which cells an answer needs: those that last bind the names in it, those that change them since, ..."""
    cells = list(map(_names, trees))
    modules = {
        name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import) for name in _bound(node)
    }
    todo = [(node.id, len(cells)) for node in ast.walk(answer) if isinstance(node, ast.Name)]
    chosen: set[int] = set()
    for name, end in todo:  # which grows
        for k in reversed(range(end)):
            needs, later, binds, changes = cells[k]
            if name in binds or "*" in binds or (name in changes and name not in modules):
                if k not in chosen:
                    chosen.add(k)
                    todo += [(need, k) for need in needs] + [(need, len(cells)) for need in later]
                if name in binds:
                    break
    return sorted(chosen)


def _names(tree: ast.Module) -> tuple[set[str], set[str], set[str], set[str]]:
    """Return the names that a cell needs at once, those in its functions, those it binds and those it changes."""
    needs: set[str] = set()
    later: set[str] = set()
    binds: set[str] = set()
    changes: set[str] = set()
    for statement in tree.body:
        top, *inner = _tables(symtable.symtable(ast.unparse(statement), "cell", "exec"))
        globals_ = {symbol for table in inner for symbol in table.get_symbols() if symbol.is_global()}
        later |= {symbol.get_name() for symbol in globals_}
        if isinstance(statement, ast.For):
            binds |= {node.id for node in ast.walk(statement.target) if isinstance(node, ast.Name)}
        needs |= {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()} - binds
        needs |= {symbol.get_name() for symbol in globals_} - binds
        binds |= {symbol.get_name() for symbol in [*top.get_symbols(), *globals_] if symbol.is_assigned()}
        for node in ast.walk(statement):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                needs.add(node.target.id)
            if isinstance(node, ast.Import | ast.ImportFrom):
                binds |= _bound(node)
            target = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else node
            if target is not node or isinstance(getattr(node, "ctx", None), ast.Store):
                while isinstance(target, ast.Attribute | ast.Subscript):  # x.append(1), x.y[0] = 1
                    target = target.value
                    changes |= {target.id} if isinstance(target, ast.Name) else set()
    return needs, later, binds, changes


def _bound(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {(alias.asname or alias.name).split(".")[0] for alias in node.names}


def _tables(table: symtable.SymbolTable) -> list[symtable.SymbolTable]:
    return [table, *(inner for child in table.get_children() for inner in _tables(child))]


def _limit(memory: int, seconds: int) -> None:
    """Limit memory, time, sizes of files and processes, where the system can."""
    try:
        import resource
    except ImportError:
        return
    limits = {"DATA": memory, "CPU": seconds, "FSIZE": 100_000_000, "CORE": 0}
    threads = 0
    for path in Path("/proc").glob("[0-9]*/task"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            threads += len(list(path.iterdir())) if path.stat().st_uid == os.getuid() else 0
    if threads:
        limits["NPROC"] = threads + 100
    for name, most in limits.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _confine(place: str) -> bool:
    """Let this process write below one folder only, and return whether the system can do that: Linux's Landlock."""
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None, use_errno=True)
    create, add, restrict, no_new_privileges = 444, 445, 446, 38  # numbers of the calls, the same on all processors
    version = system.syscall(create, None, 0, 1)
    if version < 1:
        return False
    # A right is a bit: write 1, remove 4 and 5, make 6 to 12, link 13, truncate 14; then TCP; then sockets, signals.
    write, truncate = 1 << 1, 1 << 14 if version >= 3 else 0
    files = write | sum(1 << bit for bit in range(4, 13 if version == 1 else 14)) | truncate
    rules = struct.pack("QQQ", files, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = system.syscall(create, rules, len(rules), 0)
    for path, allowed in ((place, files), ("/dev/shm", files), (os.devnull, write | truncate)):
        with contextlib.suppress(OSError):
            parent = os.open(path, os.O_PATH)
            system.syscall(add, ruleset, 1, struct.pack("=Qi", allowed, parent), 0)
    done: bool = system.prctl(no_new_privileges, 1, 0, 0, 0) == 0 and system.syscall(restrict, ruleset, 0) == 0
    os.close(ruleset)
    return done


if __name__ == "__main__":
    _work()
