"""``python -m enlib data list | fetch | verify``: the real images."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from enlib import _tools
from enlib.datasets import NAMES, SOURCES, DataError, data_directory, fetch, is_present, verify


def add_parser(commands: Any) -> None:
    """Add ``data`` to the commands."""
    parser = commands.add_parser("data", help="list, fetch and verify the images")
    actions = parser.add_subparsers(required=True, metavar="action")
    for run, text in (
        (_list, "list the data sets, and where the images are"),
        (_fetch, "download images and verify them"),
        (_verify, "compare images with the published digests"),
    ):
        action = actions.add_parser(run.__name__.strip("_"), help=text)
        action.add_argument("--data-dir", help="where the images are (default: $ENLIB_DATA, else the cache)")
        if run is not _list:
            action.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(SOURCES)} (default: all)")
        if run is _fetch:
            action.add_argument(
                "--mirror", action="append", help="an address to try instead of the usual ones; may be repeated"
            )
        action.set_defaults(run=run)


def _list(options: argparse.Namespace) -> int:
    where = data_directory(options.data_dir)
    print(f"data sets: {', '.join(NAMES)}")
    print(f"images in {where}:")
    for source in SOURCES.values():
        state = "present" if is_present(source.name, where) else f"missing (download: {source.size})"
        print(f"  {source.name:8} {source.title}: {state}")
        print(f"  {'':8} license: {source.license}")
        print(f"  {'':8} cite: {source.citation}")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    where = data_directory(options.data_dir)
    for name in _names(options):
        fetch(name, where, mirrors=options.mirror)
        verify(name, where)
        print(f"{name}: present and verified, in {where / SOURCES[name].folder}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    where, status = data_directory(options.data_dir), 0
    for name in _names(options):
        if not is_present(name, where):
            print(f"{name}: missing; run python -m enlib data fetch {name}")
            status = 1
            continue
        try:
            verify(name, where)
            print(f"{name}: verified")
        except DataError as error:
            print(f"{name}: {error}", file=sys.stderr)
            status = 1
    return status


def _names(options: argparse.Namespace) -> list[str]:
    return [_tools.known("image source", name, SOURCES) for name in options.names] or list(SOURCES)
