"""A table as text: one line a run, one column a quantity, and every value comes back as it was."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

Value = str | int | float | bool | None
Row = dict[str, Value]

_WORDS: dict[str, bool | None] = {"": None, "True": True, "False": False}
_LONGEST = 10_000  # characters; the reader of CSV gives up at 131,072, and an escaped character may take six


def checked(row: Row) -> Row:
    """Return a row of plain Python values; a NumPy ``float64`` is one already, and becomes a float.

    Raises
    ------
    ValueError
        If a column's name or a value is not one that a table can hold.
    """
    plain: Row = {}
    for name, value in row.items():
        if not (isinstance(name, str) and name and name.isprintable()):
            raise ValueError(f"expected a printable name of a column, got {name!r}: rename it")
        if isinstance(value, float):
            value = float(value)
        elif type(value) not in (str, int, bool, type(None)):
            raise ValueError(
                f"expected str, int, float, bool or None in column {name!r}, got {type(value).__name__}: "
                "convert it, for example with .item()"
            )
        elif isinstance(value, str) and len(value) > _LONGEST:
            raise ValueError(
                f"expected at most {_LONGEST} characters in column {name!r}, got {len(value)}: shorten the text"
            )
        plain[name] = value
    return plain


def to_cell(value: Value) -> str:
    """Write a value so that ``from_cell`` returns it, bit by bit and with its type.

    Floats are written as the shortest decimal that reads back as the same float; ``None`` is empty. Texts are written
    as they are, unless they would read as something else or would not stay on one line: those become JSON strings.

    Examples
    --------
    >>> [to_cell(value) for value in (0.1, 1.0, 1, True, None, float("nan"), "adam", "1", "")]
    ['0.1', '1.0', '1', 'True', '', 'nan', 'adam', '"1"', '""']
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    plain = value.isprintable() and value[:1] != '"' and isinstance(from_cell(value), str)
    return value if plain else json.dumps(value)


def from_cell(cell: str) -> Value:
    """Read a value that ``to_cell`` wrote.

    Examples
    --------
    >>> [from_cell(cell) for cell in ("0.1", "1.0", "1", "True", "", "nan", "adam", '"1"', "007")]
    [0.1, 1.0, 1, True, None, nan, 'adam', '1', '007']
    """
    if cell in _WORDS:
        return _WORDS[cell]
    if cell[0] == '"':
        text: str = json.loads(cell)
        return text
    for kind in (int, float):
        try:
            number = kind(cell)
        except ValueError:
            continue
        if repr(number) == cell:  # "007", "1_000" and "1e5" are texts: no number is written so
            return number
    return cell


def columns(rows: Iterable[Row]) -> list[str]:
    """Return the names in all rows, in the order of their first appearance, ``run`` first and ``machine`` last."""
    names = dict.fromkeys(name for row in rows for name in row if name not in ("run", "machine"))
    return ["run", *names, "machine"]


def to_csv(rows: list[Row]) -> bytes:
    """Write rows with a ``run`` and a ``machine`` as a table in UTF-8; what a row lacks is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = columns(rows)
    writer.writerow(names)
    for row in rows:
        # Identifiers stay as they are: a hash of digits only, or one such as 12e4567, is no number.
        writer.writerow([row["run"], *(to_cell(row.get(name)) for name in names[1:-1]), row["machine"]])
    return text.getvalue().encode()


def from_csv(table: bytes) -> list[Row]:
    """Read the rows of a table that ``to_csv`` wrote.

    Raises
    ------
    ValueError
        If it is no such table.
    """
    reader = csv.reader(io.StringIO(table.decode(), newline=""), strict=True)
    try:
        names = next(reader, [])
        if names[:1] != ["run"] or names[-1:] != ["machine"]:
            raise ValueError("its columns do not start with run and end with machine")
        return [
            {"run": run, **dict(zip(names[1:-1], map(from_cell, cells), strict=True)), "machine": machine}
            for run, *cells, machine in reader
        ]
    except csv.Error as error:
        raise ValueError(str(error)) from error
