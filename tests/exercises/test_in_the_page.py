"""The checks in MicroPython, as the published pages run them: every sentence is the one that Python says."""

import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from plain_answers import NEEDS_MORE, by_python, sources
from playwright._impl._driver import compute_driver_executable

from enlib.exercises import answers
from enlib.exercises.checks import CHECKS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import tryit  # noqa: E402

# Reads [files, program, [[source, name, answer], ...]] and writes what `run` says to each; where there is no name,
# after what was printed.
NODE = """
import { readFileSync } from "fs";
const { loadMicroPython } = await import(process.argv[1]);
const [files, program, cases] = JSON.parse(readFileSync(0, "utf8"));
let printed = [];
const stdout = ([byte]) => printed.push(byte);
const python = await loadMicroPython({ heapsize: 1 << 23, linebuffer: false, stdout });
for (const [path, text] of Object.entries(files)) {
  python.FS.mkdirTree(path.replace(/[^/]+$/, ""));
  python.FS.writeFile(path, text);
}
python.runPython(program);
const run = python.globals.get("run");
process.stdout.write(JSON.stringify(cases.map((one) => {
  printed = [];
  const said = run(...one);
  return one[1] ? said : Buffer.from(printed).toString() + said;
})));
"""


@pytest.fixture(scope="module")
def in_the_page():
    """Return what MicroPython says to a list of sources, each with the name of its exercise and of its answer."""

    def run(cases):
        node, _ = compute_driver_executable()
        parts = [tryit.files(), tryit.program(), cases]
        command = [node, "--input-type=module", "-e", NODE, (tryit.MICROPYTHON / "micropython.mjs").as_uri()]
        ran = subprocess.run(command, input=json.dumps(parts), capture_output=True, text=True, encoding="utf-8")
        assert ran.returncode == 0, ran.stderr[-1000:]
        return json.loads(ran.stdout)

    return run


def alike(said):
    """Return a sentence without what Python and MicroPython word differently."""
    return re.sub(r"(float |integer )?division by zero|divide by zero", "division by zero", said)


@pytest.mark.slow
def test_every_sentence_is_the_one_that_python_says(in_the_page):
    cases = [(name, source) for name, listed in sources().items() for source in listed]
    said = in_the_page([[source, name, "answer"] for name, source in cases])
    compared, right = Counter(), Counter()
    for (name, source), text in zip(cases, said, strict=True):
        if not re.search(NEEDS_MORE, text):
            assert alike(text) == alike(by_python(source, name)), source
            compared[name] += 1
            right[name] += text == answers.RIGHT
    assert compared.total() >= 450
    few = {name for name in CHECKS if not 1 <= right[name] < compared[name]}
    assert few == set()


def loops():
    """Return the code that pages let readers try, and what it printed in its notebook."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for tried, group in itertools.groupby(cells, lambda cell: "try-it" in cell["metadata"].get("tags", ())):
            if tried:
                group = list(group)
                outputs = [output for cell in group for output in cell["outputs"]]
                assert all("lesson" in cell["metadata"]["tags"] for cell in group)
                source = "\n\n\n".join("".join(cell["source"]) for cell in group)
                found[source] = "".join("".join(output["text"]) for output in outputs)
    return found


def test_code_to_try_needs_no_other_cell_and_prints_what_the_notebook_prints(in_the_page):
    tried = loops()
    assert len(tried) >= 6
    for source, said in zip(tried, in_the_page([[source, "", ""] for source in tried]), strict=True):
        printed, numbers = tried[source] + "Done.", r"-?\d[\d.]*(?:e[+-]\d+)?"
        if "random.seed" in source:  # each Python draws its own numbers
            assert re.sub(numbers, "0", said) == re.sub(numbers, "0", printed)
            seen, expected = ([float(number) for number in re.findall(numbers, text)] for text in (said, printed))
            assert seen == pytest.approx(expected, rel=0.1), source
        else:
            assert said == printed, source
