"""The journal: each unit of runs in a file of its own, kept the moment it ends, and the table made from them.

``FOLDER/NAME.runs/`` has one file a unit, written under a temporary name, flushed to the disk and renamed: a file is
there whole or not at all, and it carries a digest of its contents. ``FOLDER/NAME.csv`` and its manifest are the
table: what is committed, and what a sweep on another machine resumes from. To merge two machines, copy the files of
both into one folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from enlib import _tools
from enlib.replication.machine import Machine, machine_hash
from enlib.replication.recipe import NOBODY, PROTOCOL, Description, Recipe, identify
from enlib.replication.tidy import Row, from_csv, plain, to_csv

FORMAT = 1  # of the table and its manifest
Runs = tuple[Description, ...]
_ENDS = {"first": ("run",), "last": ("machine",)}
_TWO_RESULTS = "two results of one run, of which the first stands"
# What a file that is not what was written may raise: the file system, JSON, or a content of another form.
_UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class JournalError(ValueError):
    """A journal or table that cannot be used or written; the message says what to do."""


@dataclass(frozen=True)
class Journal:
    """The finished runs of a sweep, in ``folder``.

    Nothing is held open: several processes may use one folder at once, and a unit that one of them has claimed is
    left alone by the others.

    Parameters
    ----------
    folder : Path
        Made when the first unit is kept.
    name : str
        Of the table: ``"replication"``, or the name of a study.
    kind : type
        What describes its runs: `Recipe`, or another `Description`.

    Examples
    --------
    >>> import tempfile
    >>> from enlib.replication import compute, experiments, units
    >>> unit = units(experiments("2", "quick")[0].recipes())[0]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     journal = Journal(Path(folder))
    ...     journal.keep(unit, compute(unit), {"processor": "one", "threads": 1})
    ...     _ = journal.export()
    ...     print(len(read_rows(folder=folder)), sorted(path.name for path in Path(folder).iterdir()))
    6 ['replication.csv', 'replication.runs', 'replication_manifest.json']
    """

    folder: Path
    name: str = "replication"
    kind: type[Description] = Recipe

    @property
    def table(self) -> Path:
        """The path of the table."""
        return self.folder / f"{self.name}.csv"

    def path(self, unit: Runs) -> Path:
        """Return the path of the file that holds a unit once it is finished."""
        return self._units / f"{_unit_name(unit)}.json"

    @contextmanager
    def claim(self, unit: Runs) -> Iterator[bool]:
        """Claim a unit for this process, and yield whether that succeeded; a claim ends with its process."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._lock(_unit_name(unit), blocking=False))
            except Timeout:
                yield False
            else:
                yield True

    def keep(self, unit: Runs, rows: Sequence[Row], machine: Mapping[str, Any]) -> None:
        """Write the rows of a finished unit; they are on the disk when this returns.

        A unit that is there already stays as it is; a result that differs from it is kept beside it.

        Parameters
        ----------
        unit : tuple of Description
        rows : sequence of dict
            One for each recipe, in their order: from column to text, number, truth value or None. A ``trace``, a list
            of such dicts, is kept apart.
        machine : mapping
            What `describe` returned where it ran.

        Raises
        ------
        ValueError
            If the rows are not those of the unit, or a table cannot hold them.
        JournalError
            If the file cannot be written, for example on a full disk; everything before it is kept.
        """
        if len(rows) != len(unit):
            raise ValueError(f"expected {len(unit)} rows, one for each recipe, got {len(rows)}")
        runs = []
        for recipe, row in zip(unit, rows, strict=True):
            if (found := identify(row, self.kind)) != recipe.identity:
                raise ValueError(f"expected the row of run {recipe.identity}, got that of {found}")
            numbers = plain({name: value for name, value in row.items() if name != "trace"})
            trace = [plain(point) for point in row.get("trace") or ()]
            if {"run", "machine"} & set(numbers) or any("run" in point for point in trace):
                raise ValueError("expected rows without the columns run and machine, got one: rename it")
            runs.append({"row": numbers, "trace": trace})
        path = self.path(unit)
        if path.exists():
            if json.dumps(_read_unit(path, self.kind)["runs"]) == json.dumps(runs):
                return
            path = path.with_suffix(f".{machine_hash(machine)}.json")
        content = json.dumps({"protocol": PROTOCOL, "machine": dict(machine), "runs": runs}).encode()
        self._make_folder()
        _write(path, _digest(content).encode() + b"\n" + content)

    def read(self) -> Finished:
        """Return all finished runs: those of the table, if there is one, and those of the units.

        Raises
        ------
        JournalError
            If a file is damaged, edited, or of another protocol or of other code; it is left as it is.
        """
        runs = Finished()
        if any(os.path.lexists(path) for path in _paths(self.folder, self.name)):
            manifest, rows, traces = _whole(self.folder, self.name, self.kind)
            by_run: dict[str, list[Row]] = {}
            for point in traces:
                by_run.setdefault(point.pop("run"), []).append(point)
            for row in rows:
                run, machine = row.pop("run"), row.pop("machine")
                runs.add(run, row, manifest["machines"][machine]["description"], by_run.get(run, []))
            runs.disagreements += manifest["notes"].get(_TWO_RESULTS, [])
            runs.unwritten = "replaces" in manifest
        for path in self._unit_files():
            unit = _read_unit(path, self.kind)
            for made in unit["runs"]:
                if runs.add(identify(made["row"], self.kind), made["row"], unit["machine"], made["trace"]):
                    runs.unwritten = True
        runs.disagreements = sorted(set(runs.disagreements))
        return runs

    def export(self) -> Finished:
        """Write the table and its manifest, the same bytes for the same runs in whichever order they ended.

        Returns
        -------
        Finished
            The runs that the table holds.

        Raises
        ------
        JournalError
            If they cannot be written, or a file cannot be used; the ones before are left whole.
        """
        self._make_folder()
        with self._lock("export", blocking=True):
            runs = self.read()
            if not runs.rows:
                return runs
            found = sorted(runs.rows.items())
            rows = [{"run": run, **row, "machine": machine_hash(machine)} for run, (row, machine) in found]
            rows.sort(key=self.kind.sort_key)
            if mixed := _mixed_columns(rows):
                raise JournalError(
                    f"expected numbers or texts in a column, got both in {mixed[0]}: other code made some"
                )
            table, manifest_path = _paths(self.folder, self.name)
            contents = {table: to_csv(rows, **_ENDS)}
            if runs.traces:
                points = [{"run": row["run"], **point} for row in rows for point in runs.traces.get(row["run"], ())]
                # Before the table: a row without its trace would lose it, a trace without its row does no harm.
                contents = {_traces_path(table): to_csv(points, first=("run",))} | contents
            manifest = _manifest(rows, runs, contents)
            # Several files cannot be renamed at once. Until the last one is, the manifest vouches for the old ones.
            before = {path.name: _digest(path.read_bytes()) for path in contents if path.is_file()}
            _write_json(manifest_path, manifest | {"replaces": before})
            for path, content in contents.items():
                _write(path, content)
            _write_json(manifest_path, manifest)
            return runs

    def _unit_files(self) -> list[Path]:
        try:
            found = [path for path in self._units.iterdir() if path.suffix == ".json"]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise JournalError(
                f"expected a folder that can be read at {self._units}, got {_reason(error)}: check its permissions"
            ) from error
        # The first result of a unit comes before others that were kept beside it.
        return sorted(found, key=lambda path: (path.name.count("."), path.name))

    @contextmanager
    def _lock(self, name: str, *, blocking: bool) -> Iterator[None]:
        self._make_folder()
        lock = FileLock(self._units / ".locks" / f"{name}.lock", blocking=blocking)
        try:
            lock.acquire()
        except OSError as error:  # a Timeout, too, which is for the caller
            if isinstance(error, Timeout):
                raise
            raise JournalError(
                f"expected a lock that can be held at {lock.lock_file}, got {_reason(error)}: check its permissions"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _make_folder(self) -> None:
        locks, ignore = self._units / ".locks", self._units / ".gitignore"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(ignore):
                _tools.write_atomically(ignore, b"*\n")
        except OSError as error:
            raise JournalError(
                f"expected a folder that can be written at {locks}, got {_reason(error)}: name another folder"
            ) from error

    @property
    def _units(self) -> Path:
        return self.folder / f"{self.name}.runs"


@dataclass
class Finished:
    """Finished runs by their identity, each with its row and machine.

    Of two results of one run the first stands; where they differ, ``disagreements`` says so. ``unwritten`` tells
    whether the table lacks something.
    """

    rows: dict[str, tuple[Row, Machine]] = field(default_factory=dict)
    traces: dict[str, list[Row]] = field(default_factory=dict)
    disagreements: list[str] = field(default_factory=list)
    unwritten: bool = False

    def add(self, run: str, row: Row, machine: Machine, trace: list[Row]) -> bool:
        """Add a run, or note in what it differs from the result that is there; return whether anything was new."""
        if run not in self.rows:
            self.rows[run] = row, machine
            if trace:
                self.traces[run] = trace
            return True
        if columns := self.differences(run, row, trace):
            found = f"{row['problem']}, seed {row['seed']}, run {run}: {', '.join(columns)}"
            if found not in self.disagreements:
                self.disagreements.append(found)
                return True
        return False

    def differences(self, run: str, row: Row, trace: list[Row]) -> list[str]:
        """Return the columns in which a result of a run differs from the one that is there, to the last bit."""
        before = self.rows[run][0]
        columns = [name for name in dict.fromkeys((*before, *row)) if repr(before.get(name)) != repr(row.get(name))]
        # A table's traces have the columns of all its runs, empty where a run has none.
        traces = [
            [{name: v for name, v in p.items() if v is not None} for p in t]
            for t in (self.traces.get(run, []), trace)
        ]
        return columns + ["trace"] * (repr(traces[0]) != repr(traces[1]))


def committed(name: str) -> Path:
    """Return the path of a committed result: among what is installed with enlib, or in ``results/`` of a checkout.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> committed("search.csv").name
    'search.csv'
    """
    path = _folder() / name
    if not path.is_file():
        raise FileNotFoundError(f"expected {name} in {path.parent}, got no such file: install enlib again")
    return path


def read_rows(
    name: str = "replication", kind: type[Description] = Recipe, *, folder: Path | str | None = None
) -> list[Row]:
    """Return the runs of ``FOLDER/NAME.csv``, with their types: text, whole numbers, floats bit by bit, and None.

    Parameters
    ----------
    name : str
        Of the table: ``"replication"``, or the name of a study.
    kind : type
        As in `Journal`.
    folder : path, optional
        Default: that of the `committed` tables.

    Returns
    -------
    list of dict
        Each with its ``run``, the identity of its recipe, and the short hash of the ``machine`` that made it.

    Raises
    ------
    JournalError
        If there is no table, it is not what its manifest says, or its rows are not runs of this code.
    """
    return _whole(_folder(folder), name, kind)[1]


def read_traces(name: str, kind: type[Description] = Recipe, *, folder: Path | str | None = None) -> list[Row]:
    """Return what watched runs measured along the way, from ``FOLDER/NAME_traces.csv``; each row has its ``run``.

    Raises
    ------
    JournalError
        If the table is not what its manifest says.
    """
    return _whole(_folder(folder), name, kind)[2]


def read_manifest(name: str = "replication", *, folder: Path | str | None = None) -> dict[str, Any]:
    """Return what ``FOLDER/NAME.csv`` was made with.

    Returns
    -------
    dict
        ``format`` and ``protocol``; the number of ``rows``; the ``sha256`` of the table, and of other ``files``;
        ``machines``, by the short hash in the table's last column, each with the number of its ``rows`` and its
        ``description``; and ``notes``, such as the digests of the data. While an export is under way, ``replaces``
        has the digests of the files before it.

    Raises
    ------
    JournalError
        If there is none, or it is no manifest, or one of another format or protocol.
    """
    _, path = _paths(_folder(folder), name)
    try:
        manifest: dict[str, Any] = json.loads(_bytes(path))
        found = manifest["format"], manifest["protocol"]
        entries = manifest["machines"].items()
        machines = {m: (machine_hash(made["description"]), int(made["rows"])) for m, made in entries}
        digests = [manifest["sha256"], *manifest.get("files", {}).values(), *manifest.get("replaces", {}).values()]
        whole = (
            all(isinstance(d, str) for d in digests) and isinstance(manifest["notes"], dict) and "rows" in manifest
        )
    except _UNREADABLE as error:
        raise _refusal(path, _reason(error)) from error
    if found != (FORMAT, PROTOCOL):
        raise JournalError(
            f"expected format {FORMAT} and protocol {PROTOCOL} in {path}, got {found[0]!r} and {found[1]!r}: use the "
            "version of enlib that wrote it, or move it and its table away"
        )
    if not whole or any(described != m or rows < 1 for m, (described, rows) in machines.items()):
        raise _refusal(path, "missing entries or a machine that is not the one described")
    return manifest


def _folder(named: Path | str | None = None) -> Path:
    """Return a folder of tables, by default that of the committed ones."""
    if named is not None:
        return Path(named)
    here = Path(__file__).parent
    installed = here / "results"  # where pyproject.toml has them put; a checkout has none
    return installed if installed.is_dir() else here.parents[1] / "results"


def _whole(folder: Path, name: str, kind: type[Description]) -> tuple[dict[str, Any], list[Row], list[Row]]:
    """Return a manifest and the rows and traces that belong to it, also while another process writes them."""
    while True:
        manifest = read_manifest(name, folder=folder)
        try:
            return manifest, *_read_tables(folder, name, manifest, kind)
        except JournalError:
            if read_manifest(name, folder=folder) == manifest:
                raise


def _read_tables(
    folder: Path, name: str, manifest: dict[str, Any], kind: type[Description]
) -> tuple[list[Row], list[Row]]:
    path, _ = _paths(folder, name)
    if _yet_to_be_written(path, manifest):
        return [], []
    rows = _read_table(path, manifest, **_ENDS)
    found: Counter[str] = Counter(row["run"] for row in rows)
    made = Counter(row["machine"] for row in rows)
    told = {machine: each["rows"] for machine, each in manifest["machines"].items()}
    for run, count in found.items():
        if count > 1:
            raise _refusal(path, f"run {run} {count} times")
    for row in rows:
        if (identity := _identify(row, kind)) != row["run"]:
            raise _refusal(path, f"run {row['run']} with settings of {identity}")
    if unknown := made.keys() - told.keys():
        raise _refusal(path, f"a machine {unknown.pop()} that is not described")
    if mixed := _mixed_columns(rows):
        raise _refusal(path, f"text among the numbers of {mixed[0]}")
    if "replaces" not in manifest and (len(rows) != manifest["rows"] or made != told):
        raise _refusal(
            path, f"{len(rows)} rows where the manifest counts {manifest['rows']}, or counts of other machines"
        )
    traces_path = _traces_path(path)
    if traces_path.name not in manifest.get("files", {}) or _yet_to_be_written(traces_path, manifest):
        return rows, []
    return rows, _read_table(traces_path, manifest, first=("run",))


def _yet_to_be_written(path: Path, manifest: Mapping[str, Any]) -> bool:
    """Return whether a file is missing because its first export is under way, or was interrupted."""
    return not os.path.lexists(path) and "replaces" in manifest and path.name not in manifest["replaces"]


def _mixed_columns(rows: list[Row]) -> list[str]:
    """Return the columns that hold both texts and numbers."""
    texts = {column for row in rows for column, value in row.items() if isinstance(value, str)}
    return sorted({column for row in rows for column in texts if not isinstance(row.get(column), (str, type(None)))})


def _manifest(rows: list[Row], runs: Finished, contents: Mapping[Path, bytes]) -> dict[str, Any]:
    """Return the manifest of a table, with the machines that made its rows."""
    descriptions = {machine_hash(machine): machine for _, machine in runs.rows.values()}
    made = Counter(row["machine"] for row in rows)
    # Drawn data have a digest for each seed, in the table; images have one digest, which is stated here.
    images = sorted({(str(row["data"]), str(row.get("data_digest"))) for row in rows if _images(row)})
    notes: dict[str, list[str]] = {}
    for data, digest in images:
        notes.setdefault(f"digest of {data}", []).append(digest)
    if runs.disagreements:
        notes[_TWO_RESULTS] = runs.disagreements
    *others, table = contents.items()
    return {
        "format": FORMAT,
        "protocol": PROTOCOL,
        "rows": len(rows),
        "sha256": _digest(table[1]),
        "machines": {m: {"rows": made[m], "description": descriptions[m]} for m in sorted(made)},
        "notes": notes,
    } | ({"files": {path.name: _digest(content) for path, content in others}} if others else {})


def _images(row: Row) -> bool:
    return "data" in row and row.get("train") is None


def _read_unit(path: Path, kind: type[Description]) -> dict[str, Any]:
    """Return the contents of a unit's file, or refuse it."""
    advice = "move it away; its runs will be made again"
    try:
        digest, _, content = _bytes(path).partition(b"\n")
        if digest.decode(errors="replace") != _digest(content):
            raise JournalError(f"expected {path} as it was written, got a damaged or edited file: {advice}")
        unit: dict[str, Any] = json.loads(content)
        if unit["protocol"] != PROTOCOL:
            raise JournalError(f"expected runs of protocol {PROTOCOL} in {path}, got {unit['protocol']}: {advice}")
        for made in unit["runs"]:
            plain(made["row"])
            made["trace"] = [dict(point) for point in made["trace"]]
        name = _unit_name(tuple(kind.from_row(made["row"]) for made in unit["runs"]))
        machine_hash(unit["machine"])
        valid = {"problem", "seed"} <= set.intersection(*(set(m["row"]) for m in unit["runs"]))
    except JournalError:
        raise
    except _UNREADABLE as error:
        raise JournalError(f"expected a unit of runs in {path}, got {_reason(error)}: {advice}") from error
    if not valid or any(identify(made["row"], kind) == NOBODY for made in unit["runs"]):
        raise JournalError(f"expected a unit of runs in {path}, got rows that are not runs: {advice}")
    if path.name.partition(".")[0] != name:
        raise JournalError(
            f"expected unit {name} in {path}, got a file of another name, or made by other code: {advice}"
        )
    return unit


def _read_table(path: Path, manifest: Mapping[str, Any], **ends: tuple[str, ...]) -> list[Row]:
    """Return the rows of a table that its manifest vouches for."""
    files = {f"{path.stem}.csv": manifest["sha256"]} | manifest.get("files", {})
    known = {files[path.name], manifest.get("replaces", {}).get(path.name)}
    try:
        table = _bytes(path)
        if _digest(table) not in known:
            raise _refusal(path, "another SHA-256 than its manifest's: it was edited, or came without its manifest")
        return from_csv(table, **ends)
    except JournalError:
        raise
    except _UNREADABLE as error:
        raise _refusal(path, _reason(error)) from error


def _bytes(path: Path) -> bytes:
    """Return the contents of a regular file: reading anything else may never end."""
    if path.exists() and not path.is_file():
        raise OSError(f"something that is no file at {path}")
    return path.read_bytes()


def _refusal(path: Path, found: str) -> JournalError:
    return JournalError(
        f"expected a table of runs and its manifest at {path}, got {found}: restore both (git checkout, or install "
        "enlib again), move both away, or name another folder"
    )


def _unit_name(unit: Runs) -> str:
    text = " ".join(sorted(recipe.identity for recipe in unit))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _identify(row: Row, kind: type[Description]) -> str | None:
    """Return the identity of a row, None if it is not one of this code's."""
    try:
        return identify(row, kind)
    except (ValueError, TypeError):
        return None


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.csv", folder / f"{name}_manifest.json"


def _traces_path(table: Path) -> Path:
    return table.with_name(f"{table.stem}_traces.csv")


def _digest(content: bytes) -> str:
    # As git keeps it: a checkout may end its lines in CRLF.
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write(path, (json.dumps(content, indent=2) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    try:
        _tools.write_atomically(path, content)
    except OSError as error:
        raise JournalError(f"{error}; every finished run is kept") from error


def _reason(error: Exception) -> str:
    return str((error.strerror if isinstance(error, OSError) else None) or error) or type(error).__name__
