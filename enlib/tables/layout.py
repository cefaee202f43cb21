"""A table, as numbers and as text, Markdown, CSV or HTML; and how its cells write numbers."""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from enlib import _tools
from enlib.statistics import Share

_SPACE = "\N{NO-BREAK SPACE}"
_EQUALS = re.compile(" (?==)|(?<==) ")
# The spaces of a cell at which no line may break: all but those before an interval or a remark in parentheses, after
# the slash of two arms or a semicolon, and between words with a comma.
_INNER = re.compile(r"(?<! /)(?<!;)(?!(?<=,) [a-z]) (?![\[(])")


@dataclass(frozen=True)
class Table:
    """A table of results.

    Parameters
    ----------
    name, title : str
    shown : list of dict
        For each row, from column heading to the text of the cell; all rows have the same headings.
    numbers : list of dict
        For each row, from column name to the numbers behind it, for programs; empty where only the text is needed.
    notes : tuple of str
        What a reader must know to read the table.

    Raises
    ------
    ValueError
        If the rows have different headings.

    Examples
    --------
    >>> shown, numbers = {"problem": "a", "epochs": "12"}, {"problem": "a", "epochs": 12.0}
    >>> table = Table("times", "Times", [shown], [numbers], ("n = 1",))
    >>> print(table.text())
    Times
    <BLANKLINE>
    problem  epochs
    a            12
    <BLANKLINE>
    n = 1
    """

    name: str
    title: str
    shown: list[dict[str, str]]
    numbers: list[dict[str, Any]] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.shown:
            if list(row) != self._headings:
                raise ValueError(
                    f"expected the headings {self._headings} in every row, got {list(row)}: give all rows the same"
                )

    @classmethod
    def of(cls, title: str, headings: str, rows: Iterable[Sequence[object]], *notes: str) -> Table:
        """Return the table of these rows, as short to write as its lines in Markdown.

        Parameters
        ----------
        title : str
            Also its name.
        headings : str
            Of the columns, between vertical bars.
        rows : iterable of sequences
            A cell for each heading; numbers are written as `str` writes them.
        *notes : str
            What a reader must know to read the table.

        Raises
        ------
        ValueError
            If a row has more cells than there are headings, or fewer.

        Examples
        --------
        >>> Table.of("Times", "problem | epochs", [("a", 12)]).shown
        [{'problem': 'a', 'epochs': '12'}]
        """
        names = headings.split(" | ")
        shown = []
        for row in rows:
            if len(row) != len(names):
                raise ValueError(f"expected a cell for each of {names} in every row, got {row}: add or remove cells")
            shown.append(dict(zip(names, map(str, row), strict=True)))
        return cls(title, title, shown, [], notes)

    @property
    def _headings(self) -> list[str]:
        return list(self.shown[0]) if self.shown else []

    def text(self) -> str:
        """Return the table in columns of fixed width."""
        widths = [max(map(len, (h, *(row[h] for row in self.shown)))) for h in self._headings]
        lines = []
        for cells in (self._headings, *(list(row.values()) for row in self.shown)):
            padded = [
                cell.rjust(width) if index else cell.ljust(width)
                for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append("  ".join(padded).rstrip())
        return "\n".join([self.title, "", *lines, "", *self.notes]).rstrip()

    def markdown(self) -> str:
        """Return the table in Markdown."""
        rule = "|" + "|".join([":---"] + ["---:"] * (len(self._headings) - 1)) + "|"
        lines = ["| " + " | ".join(row.values()) + " |" for row in self.shown]
        notes = [f"- {note}" for note in self.notes]
        head = "| " + " | ".join(self._headings) + " |"
        return "\n".join([f"## {self.title}", "", head, rule, *lines, "", *notes]) + "\n"

    def csv(self) -> str:
        """Return the numbers as CSV: ``inf`` is a time that was not reached, ``nan`` a test that was not made.

        A table without numbers writes its cells.
        """
        rows = self.numbers or self.shown
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def html(self) -> str:
        """Return the table in HTML, its numbers and names as people write them.

        Cells break before an interval; a table that is still too wide scrolls.
        """

        def written(text: str) -> str:
            return html.escape(_tools.for_readers(text))

        head = "".join(f'<th scope="col">{written(_EQUALS.sub(_SPACE, h))}</th>' for h in self._headings)
        body = "".join(
            "<tr>"
            + (f'<th scope="row">{written(_EQUALS.sub(_SPACE, first))}</th>' if first else "<td></td>")
            + "".join(f"<td>{written(_INNER.sub(_SPACE, cell))}</td>" for cell in others)
            + "</tr>"
            for first, *others in (row.values() for row in self.shown)
        )
        notes = "".join(f"<p><small>{written(note)}</small></p>" for note in self.notes)
        title = written(self.title)
        return (
            f'<div class="en-table" tabindex="0" role="group" aria-label="{title}" style="overflow-x:auto"><table>'
            f"<caption>{title}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{notes}"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}


def percent(part: Share) -> str:
    """Return a share and its interval in percent, as a table prints them.

    Examples
    --------
    >>> from enlib.statistics import wilson
    >>> percent(wilson(1, 3))
    '33 [6, 79]'
    """
    return f"{100 * part.share:.0f} [{100 * part.low:.0f}, {100 * part.high:.0f}]"


def interval(value: float, low: float, high: float, form: str) -> str:
    """Return a value and its interval, written with a format specification such as ``".2f"``.

    >>> interval(1.0, 0.5, float("inf"), ".2f")
    '1.00 [0.50, ∞]'
    """

    def number(x: float) -> str:
        return format(x, form) if math.isfinite(x) else "?" if math.isnan(x) else "∞" if x > 0 else "-∞"

    return f"{number(value)} [{number(low)}, {number(high)}]"


def arms(without: str, with_neuron: str) -> str:
    """Return the cell of both arms; empty if there is nothing to show."""
    return f"{without} / {with_neuron}" if without else ""


def loss_and_errors(loss: float, errors: float) -> str:
    r"""Return a loss and a number of errors in the report's form, ``loss\errors``; empty if there are none."""
    return "" if math.isnan(errors) else f"{loss:.{1 if loss >= 1 else 3}f}\\{errors:g}"


def p_value(p: float) -> str:
    """Return a p-value to three decimals, or its order of magnitude below 0.001; empty if the test was not made.

    Where three decimals are 0.050, four say on which side of 0.05 it is.

    >>> p_value(0.0495), p_value(0.0123)
    ('0.0495', '0.012')
    """
    text = f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"
    return "" if math.isnan(p) else f"{p:.4f}" if text == "0.050" else text
