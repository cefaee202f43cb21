"""The file of a journal: SQLite, opened whole or not at all, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from enlib.replication.machine import identity
from enlib.replication.manifest import FORMAT, JournalError
from enlib.replication.tidy import Row

BUSY_SECONDS = 60.0

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE machines (machine TEXT PRIMARY KEY, description TEXT NOT NULL);
CREATE TABLE runs (run TEXT PRIMARY KEY, content TEXT NOT NULL, machine TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE notes (key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key, value));
CREATE TABLE exports (number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL)
"""


class Store:
    """Runs, machines, notes and the digests of exported tables, in one file.

    Parameters
    ----------
    path : Path
        Made where there is none.
    protocol : int
        Of the runs in it.

    Raises
    ------
    JournalError
        If the file cannot be opened and written.
    """

    def __init__(self, path: Path, protocol: int) -> None:
        self.path, self.protocol = path, protocol
        self._db: sqlite3.Connection | None = None
        try:
            with self.explained():
                self._db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
                # A rollback journal, not a write-ahead log: the log takes a fifth of the time, but needs
                # shared memory, which network file systems lack, and a second file to copy. Here only EXTRA makes a
                # commit survive a power cut, and only a full fsync reaches the disk of a Mac.
                for pragma in ("journal_mode = DELETE", "synchronous = EXTRA", "fullfsync = ON"):
                    self._db.execute(f"PRAGMA {pragma}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the only right to write; all that is done within is kept, or nothing."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk may have ended it already
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, and say what to do if it fails."""
        if self._db is None:
            raise JournalError(f"expected the journal {self.path} to be open, got a closed one: open it again")
        with self.explained():
            yield self._db

    def prepare(self, db: sqlite3.Connection) -> None:
        """Make the tables of a new file, or check every byte that matters of one that was there.

        Raises
        ------
        JournalError
            If it is damaged, no journal, or one of another format or protocol.
        """
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            for statement in _TABLES.split(";"):
                db.execute(statement)
            meta = {"format": str(FORMAT), "protocol": str(self.protocol)}
            db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            return
        # Not the quick check: it would let an index pass that disagrees with its table, and a run be made twice.
        (check,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        if check != "ok":
            raise self.damaged(" ".join(check.replace("*** in database main ***", "").split()))
        meta = dict(db.execute("SELECT key, value FROM meta"))
        if meta.get("format") != str(FORMAT):
            raise JournalError(
                f"expected format {FORMAT} in {self.path}, got {meta.get('format')}: use the version of enlib that "
                "wrote it, or move it away, or pass another --out"
            )
        if meta.get("protocol") != str(self.protocol):
            raise JournalError(
                f"expected runs of protocol {self.protocol} in {self.path}, got {meta.get('protocol')}: move it "
                "away, or pass another --out"
            )
        for machine, description in db.execute("SELECT machine, description FROM machines"):
            try:
                told = identity(json.loads(description))
            except ValueError:
                told = "something else"
            if told != machine:
                raise self.damaged(f"machine {machine} is described as {told}")
        for run, content, machine, digest in db.execute("SELECT run, content, machine, digest FROM runs"):
            if _digest(run, content, machine) != digest:
                raise self.damaged(f"run {run} is not what was written")
        db.execute("UPDATE meta SET value = value")  # without the right to write, fail now, not after the first run

    def insert(self, db: sqlite3.Connection, run: str, content: Row, machine: Mapping[str, Any]) -> bool:
        """Add a run and its machine; return False if the run was there."""
        made = identity(machine)
        db.execute("INSERT OR IGNORE INTO machines VALUES (?, ?)", (made, json.dumps(machine)))
        text = json.dumps(content)
        inserted = db.execute(
            "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?)", (run, text, made, _digest(run, text, made))
        )
        return inserted.rowcount == 1

    def rows(self, db: sqlite3.Connection) -> list[tuple[str, Row, str]]:
        """Return each run with its content and machine, as they were added."""
        found = db.execute("SELECT run, content, machine FROM runs ORDER BY rowid")
        return [(run, json.loads(content), machine) for run, content, machine in found]

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what SQLite says into what to do."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise self._explanation(str(error)) from error

    def damaged(self, found: str) -> JournalError:
        """Return the refusal of a file that is not what was written."""
        return JournalError(
            f"expected a whole journal in {self.path}, got a damaged or foreign file ({found}): move it away; runs "
            f"that were exported are safe in {self.path.with_suffix('.csv').name}, and the sweep goes on from them"
        )

    def _explanation(self, said: str) -> JournalError:
        if "full" in said or "disk I/O" in said:
            return JournalError(
                f"expected room on the disk for {self.path}, got {said!r}: free space (or check the disk) and start "
                "again; every run that was kept before is kept"
            )
        if "locked" in said:
            return JournalError(
                f"expected {self.path} to be free within {BUSY_SECONDS:.0f} s, got {said!r}: stop the process that "
                "holds it, or start again later"
            )
        if "readonly" in said or "unable to open" in said:
            return JournalError(
                f"expected a journal that can be written in {self.path}, got {said!r}: check the rights of the "
                "folder and that nobody moved the file, or pass another --out"
            )
        return self.damaged(said)


def _digest(run: str, content: str, machine: str) -> str:
    # SQLite checks its own structure, not the bytes of a text.
    return hashlib.sha256(f"{run} {content} {machine}".encode()).hexdigest()[:16]
