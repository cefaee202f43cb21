"""The journal of a sweep, and the table that it exports: the only writer of ``results/``.

A run is an identifier, the hash of its description, and a flat row of plain values. The journal keeps each run the
moment it ends; the table and its manifest are what is committed, what notebooks read, and what a sweep on another
machine goes on from.
"""

from enlib.results.journal import Journal
from enlib.results.machine import describe
from enlib.results.manifest import JournalError, read_manifest, read_rows
from enlib.results.tidy import Row

__all__ = ["Journal", "JournalError", "Row", "describe", "read_manifest", "read_rows"]
