"""The outputs that are committed are what the notebooks print: the book has just executed them."""

import difflib
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]


def shown(notebook):
    """Return what each code cell shows, as lines; a drawing is compared by its text alternative."""
    lines = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        lines.append("In: " + (cell.source.splitlines() or [""])[0])
        for output in cell.outputs:
            if output.output_type == "stream":
                if lines[-1].startswith(f"{output.name}: "):  # a stream may arrive in pieces
                    lines[-1] += output.text
                else:
                    lines.append(f"{output.name}: {output.text}")
            else:
                data = {mime: text for mime, text in output.get("data", {}).items() if mime != "text/html"}
                lines.append(f"{output.output_type}: {json.dumps(data, indent=1, sort_keys=True)}")
    return "\n".join(lines).splitlines()


@pytest.mark.book
@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_committed_outputs_are_what_the_notebook_prints(path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    again = importlib.import_module("execute").executed(path)
    if again is None:
        pytest.fail("expected the executed notebook in _build, got none: run make book")
    before = nbformat.read(path, as_version=4)
    difference = difflib.unified_diff(shown(before), shown(again), "committed", "executed", lineterm="", n=2)
    assert not (text := "\n".join(difference)), f"run make outputs, or mend what changed:\n{text}"


def test_streams_that_arrive_in_pieces_are_one():
    def cell(*outputs):
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)", outputs=list(outputs))])

    def stream(text):
        return nbformat.v4.new_output("stream", name="stdout", text=text)

    whole = cell(stream("a\nb\n"))
    assert shown(cell(stream("a\n"), stream("b\n"))) == shown(whole) == ["In: print(1)", "stdout: a", "b"]
    assert shown(cell(stream("a\nc\n"))) != shown(whole)
    picture = {"text/html": "<svg>", "text/plain": "A line."}
    assert "svg" not in str(shown(cell(nbformat.v4.new_output("execute_result", picture, execution_count=1))))


@pytest.mark.slow
def test_the_book_takes_what_was_executed_and_a_failing_cell_stops_it(tmp_path):
    def write(source):
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell("# N"), nbformat.v4.new_code_cell(source)]
        )
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, tmp_path / "notebooks" / "n.ipynb")

    def python(*words):
        return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=tmp_path)

    shutil.copytree(ROOT / "book" / "_ext", tmp_path / "book" / "_ext")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: notebooks/n\n")
    (tmp_path / "_config.yml").write_text(
        "title: Small\nonly_build_toc_files: true\nexecute: {execute_notebooks: cache, raise_on_error: true}\n"
        "sphinx: {local_extensions: {enlib_book: book/_ext}}\n"
    )
    write("import os\nprint(6 * 703 - 1, os.path.basename(os.getcwd()), os.environ['ENLIB_STATIC'])")
    first = python("book/_ext/execute.py")
    assert (first.returncode, first.stdout[:9]) == (0, "n.ipynb: "), first.stderr
    assert python("book/_ext/execute.py").stdout == ""
    built = python("-c", "from jupyter_book.cli.main import main; main()", "build", ".")
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Executing notebook" not in built.stdout + built.stderr
    assert "4217 notebooks 1" in (tmp_path / "_build" / "html" / "notebooks" / "n.html").read_text(encoding="utf-8")
    write("raise ValueError('what it says')")
    failed = python("book/_ext/execute.py")
    assert failed.returncode == 1
    assert "what it says" in failed.stdout
