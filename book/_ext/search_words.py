"""Search that finds a Greek letter by its name and by itself, in text and in formulas.

Index and query take both "eta" and "\\eta" for "η". A single letter has no partial matches, so that "eta" does not
find every "theta".
"""

from __future__ import annotations

import json
import re
import unicodedata

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

_ALPHABET = "αβγδεζηθικλμνξοπρστυφχψω"
LETTERS = {unicodedata.name(c).split()[-1].lower().replace("lamda", "lambda"): c for c in _ALPHABET}


class SearchCourse(SearchEnglish):
    """English, with Greek letters."""

    js_splitter_code = (
        f"const greek = {json.dumps(LETTERS, ensure_ascii=False)};"
        + r"""
var splitQuery = (query) => query
  .split(/[^\p{Letter}\p{Number}]+/u)
  .filter((word) => word)
  .map((word) => greek[word.toLowerCase()] ?? word);
"""
    )

    def split(self, input: str) -> list[str]:
        """Return the words of a text, Greek letters as such."""
        return [LETTERS.get(word.lower(), word) for word in re.findall(r"[^\W_]+", input)]


def setup(app: Sphinx) -> None:
    """Register the language in the place of English."""
    app.add_search_language(SearchCourse)
