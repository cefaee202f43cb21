"""What holds up the first look at a page: eleven stylesheets, of which most is never used, and a script of settings.

Each page gets one stylesheet instead, with the rules that can apply somewhere in the book, and the settings inline.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

_SHEET = re.compile(r'<link\b(?=[^>]*\brel="stylesheet")[^>]*\bhref="(?P<href>[^":?]+)[^"]*"[^>]*>\s*')
_SETTINGS = re.compile(r'<script src="(?P<src>[^"?]*documentation_options\.js)[^"]*"></script>')
_WORD = re.compile(r"[\w-]+")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r'@import\s+"(?P<href>[^"]+)";')
_ADDRESS = re.compile(r"""url\((?P<quote>["']?)(?!data:|#|https?:)(?P<href>[^)"']+)""")
_RULE = re.compile(r"(?P<selectors>[^{};]+)\{(?P<body>[^{}]*)\}")
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")


def hasten(site: Path, pages: dict[Path, str]) -> list[str]:
    """Return the texts of pages, each with one stylesheet and no script before its first look.

    Writes ``_static/all-DIGEST.css`` for each list of stylesheets that pages ask for. A rule is left out if its
    selector names a class that no page and no script of the site has as a word. (A script may put a class together:
    of ``bs-tooltip-auto`` the word ``bs-tooltip`` is enough.)
    """
    words = {word for text in pages.values() for word in _WORD.findall(text)}
    for path in (site / "_static").rglob("*.js"):
        words.update(_WORD.findall(path.read_text(encoding="utf-8")))
    written: dict[tuple[Path, ...], str] = {}
    hastened = []
    for page, text in pages.items():
        folder = page.parent
        if script := _SETTINGS.search(text):
            settings = (folder / script["src"]).read_text(encoding="utf-8")
            text = text.replace(script[0], f"<script>{settings}</script>")
        sheets = tuple((folder / m["href"]).resolve() for m in _SHEET.finditer(text))
        if len(sheets) > 1 and all(sheet.is_file() for sheet in sheets):
            if sheets not in written:
                rules = "\n".join(_RULE.sub(lambda m: _used(m, words), _contents(sheet, site)) for sheet in sheets)
                written[sheets] = f"all-{hashlib.sha256(rules.encode()).hexdigest()[:8]}.css"
                (site / "_static" / written[sheets]).write_text(rules, encoding="utf-8")
            link = f'<link rel="stylesheet" href="{_relative(site / "_static", folder)}/{written[sheets]}">\n'
            first = next(_SHEET.finditer(text)).start()
            text = text[:first] + link + _SHEET.sub("", text[first:])
        hastened.append(text)
    return hastened


def _contents(sheet: Path, site: Path) -> str:
    """Return the text of a stylesheet with what it imports, and addresses as seen from ``_static``."""
    text = _COMMENT.sub("", sheet.read_text(encoding="utf-8"))
    static = site.resolve() / "_static"
    text = _ADDRESS.sub(lambda m: f"url({m['quote']}{_relative(sheet.parent / m['href'], static)}", text)
    return _IMPORT.sub(lambda m: _contents((sheet.parent / m["href"]).resolve(), site), text)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _used(rule: re.Match[str], words: set[str]) -> str:
    selectors, body = rule["selectors"], rule["body"]
    if any(sign in selectors for sign in "@\\(\"'"):  # too intricate to take apart
        return rule[0]
    kept = [one for one in selectors.split(",") if all(_known(name, words) for name in _CLASS.findall(one))]
    return f"{','.join(kept)}{{{body}}}" if kept else ""


def _known(name: str, words: set[str]) -> bool:
    parts = name.split("-")
    return name in words or any("-".join(parts[:k]) in words for k in range(2, len(parts)))
