"""The journal of a sweep: each run is kept the moment it ends, whatever happens next."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from enlib.replication.machine import describe
from enlib.replication.manifest import JournalError, digest, make_manifest, paths, read_table, replace
from enlib.replication.store import Store
from enlib.replication.tidy import Row, checked, columns, to_csv


class Journal:
    """The finished runs of a sweep, in ``FOLDER/NAME.sqlite``; and their table, ``FOLDER/NAME.csv``, for others.

    Where there is a table, for example one that was committed on another machine, its runs are taken into the journal
    when it is opened: the sweep goes on from them. Several processes may write to one journal.

    Parameters
    ----------
    folder : Path
        Made where there is none.
    name : str
        Of the journal, its table and its manifest.
    protocol : int
        The version of what a run does; runs of two protocols never stand in one table.
    identify : callable
        Computes the identifier of a run, a hexadecimal hash, from its row without ``run`` and ``machine``.

    Raises
    ------
    JournalError
        If the journal or the table is damaged, edited, of another protocol or of other code, or cannot be written;
        both are left as they are.

    Examples
    --------
    >>> import hashlib, tempfile
    >>> def identify(row):
    ...     return hashlib.sha256(repr(row["seed"]).encode()).hexdigest()[:16]
    >>> with tempfile.TemporaryDirectory() as folder, Journal(folder, protocol=1, identify=identify) as journal:
    ...     print(journal.add({"seed": 0, "epochs": 18.0}), journal.add({"seed": 0, "epochs": 18.0}))
    ...     journal.export()
    ...     print(sorted(path.name for path in Path(folder).iterdir()))
    True False
    ['replication.csv', 'replication.sqlite', 'replication_manifest.json']
    """

    def __init__(
        self, folder: Path | str, name: str = "replication", *, protocol: int, identify: Callable[[Row], str]
    ) -> None:
        self.folder, self.name, self.protocol = Path(folder), name, protocol
        self._identify = identify
        self._machine: Mapping[str, Any] | None = None
        file = self.folder / f"{name}.sqlite"
        try:
            if not file.exists():
                self._committed()  # a table that cannot be used is refused before anything is made
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(
                f"expected a folder that can be written in {self.folder}, got {error.strerror}: pass another --out"
            ) from error
        self._store = Store(file, protocol)
        try:
            with self._store.writing() as db:
                self._store.prepare(db)
                for run, content, _ in self._store.rows(db):
                    if self._identified(content) != run:
                        raise JournalError(
                            f"expected run {run} of {file} to have the identifier of its content: it was made by "
                            "other code; move the journal, its table and manifest away, or pass another --out"
                        )
                self._take_in_table(db)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was added is in it already."""
        self._store.close()

    def finished(self) -> set[str]:
        """Return the identifiers of all finished runs, those of other writers among them."""
        with self._store.reading() as db:
            return {run for (run,) in db.execute("SELECT run FROM runs")}

    def add(self, row: Row, *, machine: Mapping[str, Any] | None = None) -> bool:
        """Keep a finished run: it is on the disk when this returns.

        Parameters
        ----------
        row : dict
            From column to text, number, truth value or None. It may have its ``run``, but no ``machine``.
        machine : mapping, optional
            What ``describe`` said where it ran; by default this machine, its CPU, float32 and one thread.

        Returns
        -------
        bool
            False if the run was there already; the first result stands.

        Raises
        ------
        ValueError
            If the row cannot stand in a table, or its ``run`` is not what identifies it.
        JournalError
            If it cannot be written, for example on a full disk; all runs before it are kept.
        """
        return self.add_all([row], machine=machine) == 1

    def add_all(self, rows: Iterable[Row], *, machine: Mapping[str, Any] | None = None) -> int:
        """Keep runs that finished together, all or none, at the price of one; return how many were not there yet."""
        identified = [self._identified_row(row) for row in rows]
        if machine is None:
            self._machine = self._machine or describe()
            machine = self._machine
        with self._store.writing() as db:
            return sum(self._store.insert(db, run, content, machine) for run, content in identified)

    def note(self, key: str, value: str) -> None:
        """Write something about the whole sweep into the manifest, such as the digest of a data set.

        A second value stands beside the first, for example where two machines did not have the same data.
        """
        with self._store.writing() as db:
            db.execute("INSERT OR IGNORE INTO notes VALUES (?, ?)", (key, value))

    def notes(self) -> dict[str, list[str]]:
        """Return all notes."""
        notes: dict[str, list[str]] = {}
        with self._store.reading() as db:
            for key, value in db.execute("SELECT key, value FROM notes ORDER BY key, value"):
                notes.setdefault(key, []).append(value)
        return notes

    def rows(self) -> list[Row]:
        """Return all finished runs as they finished, with ``run`` and ``machine``; what a run lacks is None."""
        with self._store.reading() as db:
            rows: list[Row] = [
                {"run": run, **content, "machine": machine} for run, content, machine in self._store.rows(db)
            ]
        names = columns(rows)
        return [{name: row.get(name) for name in names} for row in rows]

    def export(self, order: Callable[[Row], Any] | None = None) -> None:
        """Write the table and its manifest; they are the same bytes for the same runs, in whichever order they ended.

        Parameters
        ----------
        order : callable, optional
            The key by which rows are sorted; by default their ``run``.

        Raises
        ------
        JournalError
            If they cannot be written, or a table that came meanwhile cannot be used; the ones before are left whole.
        """
        path, manifest_path = paths(self.folder, self.name)
        with self._store.writing() as db:
            self._take_in_table(db)  # it may have come meanwhile, from another machine
            rows = sorted(self.rows(), key=lambda row: str(row["run"]))
            rows = sorted(rows, key=order) if order else rows
            table = to_csv(rows)
            machines = {m: json.loads(d) for m, d in db.execute("SELECT machine, description FROM machines")}
            manifest = make_manifest(rows, table, protocol=self.protocol, machines=machines, notes=self.notes())
            # Two files cannot be renamed at once. A table that is known here needs no manifest to be trusted.
            number = db.execute("INSERT INTO exports (sha256) VALUES (?)", (digest(table),)).lastrowid
        with self._store.writing() as db:
            if db.execute("SELECT max(number) FROM exports").fetchone() == (number,):
                replace({path: table, manifest_path: (json.dumps(manifest, indent=2) + "\n").encode()})

    def _identified_row(self, row: Row) -> tuple[str, Row]:
        """Return the identifier and the content of a row that is given, or refuse it."""
        content = checked(row)
        if "machine" in content:
            raise ValueError("expected a row without a column 'machine', got one: pass add(row, machine=describe())")
        given = content.pop("run", None)
        run = self._identify(dict(content))
        if not re.fullmatch(r"[0-9a-f]+", run):
            raise ValueError(f"expected a hexadecimal hash from identify, got {run!r}: return its hexdigest()")
        if given not in (None, run):
            raise ValueError(f"expected run {run!r}, which identifies the row, got {given!r}: leave it out")
        return run, content

    def _identified(self, content: Row) -> str | None:
        """Return the identifier of a row that was read, None if it is not one of this code's."""
        try:
            return self._identify(dict(content))
        except (ValueError, KeyError, TypeError):
            return None

    def _take_in_table(self, db: sqlite3.Connection) -> None:
        """Add the runs and notes of the table in the folder, if this journal did not export it."""
        exported = {sha256 for (sha256,) in db.execute("SELECT sha256 FROM exports")}
        runs, notes = self._committed(exported)
        for run, content, machine in runs:
            self._store.insert(db, run, content, machine)
        db.executemany("INSERT OR IGNORE INTO notes VALUES (?, ?)", notes)

    def _committed(
        self, exported: Collection[str] = ()
    ) -> tuple[list[tuple[str, Row, Mapping[str, Any]]], list[tuple[str, str]]]:
        """Return the runs and notes of the table in the folder, if there is one that this journal did not export."""
        path, _ = paths(self.folder, self.name)
        if not path.exists() or digest(path.read_bytes()) in exported:
            return [], []
        rows, manifest = read_table(self.folder, self.name)
        if manifest["protocol"] != self.protocol:
            raise JournalError(
                f"expected runs of protocol {self.protocol} in {path}, got {manifest['protocol']}: move it and its "
                "manifest away, or pass another --out"
            )
        runs = []
        for row in rows:
            run, machine = str(row.pop("run")), str(row.pop("machine"))
            if (found := self._identified(row)) != run:
                raise JournalError(
                    f"expected run {run} of {path} to have the identifier of its content, got {found}: it was made "
                    "by other code; move the table and its manifest away, or pass another --out"
                )
            runs.append((run, row, manifest["machines"][machine]["description"]))
        return runs, [(key, value) for key, values in manifest["notes"].items() for value in values]
