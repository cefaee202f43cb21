"""The rules of the house that a machine can hold."""

import ast
import inspect
import json
import re
from pathlib import Path

import pytest

ENLIB = Path(__file__).parents[1] / "enlib"
MODULES = {
    ".".join(path.relative_to(ENLIB.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in ENLIB.rglob("*.py")
}

# Data flow from left to right: a module may import what stands before it, or beside it in its own package.
FLOW = [
    {"enlib._tools"},
    {"enlib.losses"},
    {"enlib.datasets", "enlib.models", "enlib.curvature", "enlib.statistics"},
    {"enlib.dynamics", "enlib.landscape", "enlib.training"},
    {"enlib.replication"},
    {"enlib.tables"},
    {"enlib.figures"},
    {"enlib.exercises", "enlib.cli"},
    {"enlib", "enlib.__main__"},
]
DRAWING_ROOMS = ("enlib.figures", "enlib.cli.train")
DRAWING = {"matplotlib", "plotly", "ipywidgets", "IPython"}


def place(module):
    """Return the position of a module, or of its package, in the flow."""
    while module:
        for position, modules in enumerate(FLOW):
            if module in modules and (module != "enlib" or position == len(FLOW) - 1):
                return position, module
        module = module.rpartition(".")[0]
    raise AssertionError("unreachable")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_place(module):
    assert module in ("enlib", "enlib.__main__") or place(module)[1] != "enlib", f"put {module} into FLOW"


@pytest.mark.parametrize("module", MODULES)
def test_data_flow_one_way(module):
    here, room = place(module)
    for imported in imports(MODULES[module]):
        if imported.split(".")[0] == "enlib" and module not in ("enlib", "enlib.__main__"):
            there, _ = place(imported)
            may = there < here or imported.startswith(room) or (room, imported) == ("enlib.cli", "enlib")
            assert may, f"{module} imports {imported}"


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith(DRAWING_ROOMS)])
def test_computing_never_draws(module):
    found = {name.split(".")[0] for name in imports(MODULES[module])} & DRAWING
    assert not found
    assert "enlib.figures" not in imports(MODULES[module])


def test_importing_the_package_loads_no_drawing_library():
    import subprocess
    import sys

    program = f"import sys, enlib; print(sorted({DRAWING} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_notebooks_import_from_front_doors_alone():
    inside = []
    for path in sorted((ENLIB.parent / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            found = re.findall(r"^\s*(?:from|import) (enlib[\w.]*)", "".join(cell["source"]), re.MULTILINE)
            inside += [(path.name, name) for name in found if cell["cell_type"] == "code" and name.count(".") > 1]
    assert not inside


def test_public_names_are_listed_and_documented():
    import enlib

    public = {name for name, value in vars(enlib).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public <= set(enlib.__all__)
    for name in enlib.__all__:
        assert getattr(enlib, name).__doc__
