"""A table as numbers, and as text, Markdown or CSV."""

from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import dataclass
from typing import Any

_SPACE = "\N{NO-BREAK SPACE}"
_EQUALS = re.compile(" (?==)|(?<==) ")
# In a cell: all but those before an interval, and after the slash between two arms.
_INNER = re.compile(r"(?<! /) (?!\[)")


@dataclass(frozen=True)
class Table:
    """A table of results.

    Parameters
    ----------
    name, title : str
    shown : list of dict
        For each row, from column heading to what a reader sees.
    numbers : list of dict
        For each row, from column name to the numbers behind it, for programs.
    notes : tuple of str
        What a reader must know to read it.

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
    numbers: list[dict[str, Any]]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the table in columns of fixed width."""
        headings = list(self.shown[0]) if self.shown else []
        widths = {h: max(len(h), *(len(row[h]) for row in self.shown)) for h in headings}
        lines = [
            "  ".join(
                row[h].ljust(widths[h]) if place == 0 else row[h].rjust(widths[h]) for place, h in enumerate(headings)
            ).rstrip()
            for row in [dict(zip(headings, headings, strict=True)), *self.shown]
        ]
        return "\n".join([self.title, "", *lines, "", *self.notes]).rstrip()

    def markdown(self) -> str:
        """Return the table in Markdown."""
        headings = list(self.shown[0]) if self.shown else []
        rule = "|" + "|".join([":---"] + ["---:"] * (len(headings) - 1)) + "|"
        lines = ["| " + " | ".join(row[h] for h in headings) + " |" for row in self.shown]
        notes = [f"- {note}" for note in self.notes]
        return (
            "\n".join([f"## {self.title}", "", "| " + " | ".join(headings) + " |", rule, *lines, "", *notes]) + "\n"
        )

    def csv(self) -> str:
        """Return the numbers as CSV: ``inf`` is a time that was not reached, ``nan`` a test that was not made."""
        names = list(dict.fromkeys(name for row in self.numbers for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.numbers)
        return text.getvalue()

    def html(self) -> str:
        """Return the table in HTML, where cells break before an interval; if it is still too wide, it scrolls."""
        headings = list(self.shown[0]) if self.shown else []
        head = "".join(f'<th scope="col">{html.escape(h)}</th>' for h in headings)
        body = "".join(
            "<tr>"
            + f'<th scope="row">{html.escape(_EQUALS.sub(_SPACE, row[headings[0]]))}</th>'
            + "".join(f"<td>{html.escape(_INNER.sub(_SPACE, row[h]))}</td>" for h in headings[1:])
            + "</tr>"
            for row in self.shown
        )
        notes = "".join(f"<p><small>{html.escape(note)}</small></p>" for note in self.notes)
        title = html.escape(self.title)
        return (
            f'<div class="en-table" tabindex="0" role="group" aria-label="{title}" style="overflow-x:auto"><table>'
            f"<caption>{title}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{notes}"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}
