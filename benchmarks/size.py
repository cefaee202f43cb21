"""How large the package is: lines of code (without blank lines, comments and docstrings) and public names by room."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

ENLIB = Path(__file__).resolve().parents[1] / "enlib"
NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


def code_lines(source: str) -> int:
    """Return the number of lines with code on them.

    >>> code_lines('"Docstring."' + chr(10) * 2 + "x = 1  # why")
    1
    """
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def names(source: str) -> tuple[int, int]:
    """Return how many functions and classes have no underscore, and how many names ``__all__`` lists."""
    body = ast.parse(source).body
    defined = [node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_"]
    listed = [
        ast.literal_eval(node.value)
        for node in body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return len(defined), sum(map(len, listed))


def main() -> None:
    files, lines, public, listed = (Counter[str]() for _ in range(4))
    for path in sorted(ENLIB.rglob("*.py")):
        parts = path.relative_to(ENLIB).parts
        room = parts[0] if len(parts) > 1 else path.stem
        source = path.read_text(encoding="utf-8")
        found = names(source)
        files[room] += 1
        lines[room] += code_lines(source)
        public[room] += found[0]
        listed[room] += found[1] if path.name == "__init__.py" else 0
    print(f"{'room':14}{'files':>7}{'code':>7}{'public':>8}{'__all__':>9}")
    for room in files:
        print(f"{room:14}{files[room]:7}{lines[room]:7}{public[room]:8}{listed[room]:9}")
    print(f"{'all':14}{files.total():7}{lines.total():7}{public.total():8}{listed.total():9}")


if __name__ == "__main__":
    main()
