"""The table and its manifest, two files that belong together: what was measured, and with what."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from enlib.replication.machine import identity
from enlib.replication.tidy import Row, from_csv

FORMAT = 1


class JournalError(ValueError):
    """A journal or a table that cannot be used, or not be written: what was expected, what came, and what to do."""


def paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the paths of a table and of its manifest."""
    return folder / f"{name}.csv", folder / f"{name}_manifest.json"


def digest(table: bytes) -> str:
    """Return the SHA-256 of a table."""
    return hashlib.sha256(table).hexdigest()


def make_manifest(
    rows: list[Row],
    table: bytes,
    *,
    protocol: int,
    machines: Mapping[str, Mapping[str, Any]],
    notes: Mapping[str, list[str]],
) -> dict[str, Any]:
    """Return what is to be said of a table; of the machines, those that made a row of it."""
    made = Counter(str(row["machine"]) for row in rows)
    return {
        "format": FORMAT,
        "protocol": protocol,
        "rows": len(rows),
        "sha256": digest(table),
        "machines": {
            machine: {"rows": made[machine], "description": dict(machines[machine])} for machine in sorted(made)
        },
        "notes": {key: sorted(notes[key]) for key in sorted(notes)},
    }


def read_manifest(folder: Path, name: str = "replication") -> dict[str, Any]:
    """Read what ``results/NAME.csv`` was made with.

    Returns
    -------
    dict
        ``protocol``; the number of ``rows``; the ``sha256`` of the table; ``machines``, by the short hash in the
        table's last column, each with the number of its ``rows`` and its ``description``; and ``notes``, such as the
        digests of the data.

    Raises
    ------
    JournalError
        If there is none, or it is no manifest, or one of another format.
    """
    _, path = paths(Path(folder), name)
    try:
        manifest = json.loads(path.read_bytes())
        if manifest["format"] != FORMAT:
            raise JournalError(
                f"expected format {FORMAT} in {path}, got {manifest['format']!r}: use the version of enlib that "
                "wrote it, or move it away together with its table"
            )
        for machine, made in manifest["machines"].items():
            if identity(made["description"]) != machine or int(made["rows"]) < 1:
                raise ValueError(f"machine {machine} is not the one described")
        if not {"protocol", "rows", "sha256", "notes"} <= set(manifest):
            raise ValueError("entries are missing")
    except JournalError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise JournalError(
            f"expected a manifest in {path}, got {_said(error)}: restore it (git checkout), or move the table away "
            "too, or pass another --out"
        ) from error
    whole: dict[str, Any] = manifest
    return whole


def read_rows(folder: Path, name: str = "replication") -> list[Row]:
    """Read ``results/NAME.csv`` with its types: text, whole numbers, floats bit by bit, truth values, and None.

    Each row has its ``run``, the hash of what was run, and the short hash of the ``machine`` that ran it.

    Raises
    ------
    JournalError
        If there is no table, or it is not the one that its manifest was written for.
    """
    return read_table(Path(folder), name)[0]


def read_table(folder: Path, name: str) -> tuple[list[Row], dict[str, Any]]:
    """Read a table and its manifest, and hold them together."""
    path, _ = paths(folder, name)
    try:
        table = path.read_bytes()
    except OSError as error:
        raise JournalError(
            f"expected a table in {path}, got {_said(error)}: restore it (git checkout), or let the sweep write it"
        ) from error
    manifest = read_manifest(folder, name)
    if manifest["sha256"] != digest(table):
        raise JournalError(
            f"expected {path} with the SHA-256 that its manifest says, {manifest['sha256'][:12]}..., got "
            f"{digest(table)[:12]}...: it was edited, or an export was cut short; restore both files (git checkout), "
            "or move them away, or pass another --out"
        )
    try:
        rows = from_csv(table)
        unknown = {str(row["machine"]) for row in rows} - set(manifest["machines"])
        if unknown:
            raise ValueError(f"rows of a machine that is not described, {unknown.pop()}")
    except ValueError as error:
        raise JournalError(
            f"expected a table of runs in {path}, got one that cannot be read ({error}): restore it (git checkout), "
            "or move it and its manifest away, or pass another --out"
        ) from error
    return rows, manifest


def replace(contents: Mapping[Path, bytes]) -> None:
    """Write files under temporary names, then rename them: each is whole, or the one before; one caller at a time."""
    parts = {path.with_name(f"{path.name}.part"): path for path in contents}
    try:
        for part, path in parts.items():
            with part.open("wb") as file:
                file.write(contents[path])
                file.flush()
                os.fsync(file.fileno())
        for part, path in parts.items():
            part.replace(path)
    except OSError as error:
        raise JournalError(
            f"expected to write {' and '.join(map(str, contents))}, got {_said(error)}: free space, check the rights "
            "of the folder, and start again; every finished run is in the journal"
        ) from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _said(error: Exception) -> str:
    return str(error.strerror if isinstance(error, OSError) else error) or type(error).__name__
