"""The rules of the house that a machine can hold."""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENLIB = ROOT / "enlib"

# Each room, and the rooms it may import. Every room may also import enlib.losses and enlib._tools.
ARROWS = {
    "datasets": set(),
    "models": {"datasets"},
    "curvature": {"models"},
    "landscape": {"models", "curvature"},
    "search": set(),
    "statistics": set(),
    "numpy_nets": set(),
    "dynamics": {"curvature", "models"},
    "training": {"datasets", "models", "curvature"},
    "replication": {"datasets", "models", "training"},
    "tables": {"replication", "statistics"},
    "figures": {"curvature", "dynamics", "landscape", "search", "statistics", "training", "tables"},
    "exercises": {"curvature", "dynamics", "landscape", "models", "search", "statistics", "training"},
}
ARROWS["cli"] = set(ARROWS)
SHARED = {"enlib.losses", "enlib._tools"}
DRAWING = {"matplotlib", "plotly", "ipywidgets", "anywidget", "IPython"}
DRAWS = {"figures", "cli"}


def _modules():
    """Map each module's dotted name to its syntax tree."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in sorted(ENLIB.rglob("*.py"))
    }


MODULES = _modules()


def _room(module):
    """Return the room of a module, or None for the package itself and the modules beside the rooms."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ARROWS else None


def _listed(module):
    """Return the names that a module lists in ``__all__``."""
    for node in MODULES[module].body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return list(ast.literal_eval(node.value))
    return []


def _imports(tree, here=None):
    """Yield (module, name) for everything that a syntax tree imports, inside functions too; name is None for modules.

    ``from enlib.room import x`` counts as an import of the module ``enlib.room.x`` where there is one, unless the
    front door of another room lists ``x``.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"expected absolute imports, got a relative one in line {node.lineno}"
            for alias in node.names:
                inside, room = f"{node.module}.{alias.name}", _room(node.module)
                if inside in MODULES and (room == here or not room or alias.name not in _listed(node.module)):
                    yield inside, None
                else:
                    yield node.module, alias.name


def _programs():
    """Yield what readers run, as (name, syntax tree): the notebooks' code cells and the README's program."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                lines = "".join(cell["source"]).splitlines()
                yield path.name, ast.parse("\n".join(line for line in lines if not line.startswith(("%", "!"))))
    pages = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.md"))]
    for path in pages:
        for program in re.findall(
            r"```(?:python|{code-cell} ipython3)\n(.*?)```", path.read_text("utf-8"), re.DOTALL
        ):
            yield path.name, ast.parse("\n".join(line for line in program.splitlines() if not line.startswith(":")))


def test_rooms_and_nothing_else():
    files = {path.name for path in ENLIB.iterdir() if path.is_file()}
    assert files == {"__init__.py", "__main__.py", "losses.py", "_tools.py", "py.typed"}
    assert {path.parent.name for path in ENLIB.glob("*/__init__.py")} == set(ARROWS)
    tuple(TopologicalSorter(ARROWS).static_order())  # raises CycleError if the allowed arrows went in a circle


def test_data_flow_one_way_through_front_doors():
    wrong = []
    for module, tree in MODULES.items():
        here = _room(module)
        for imported, _ in _imports(tree, here):
            there = _room(imported)
            if imported.split(".")[0] != "enlib" or imported in SHARED or module in ("enlib", "enlib.__main__"):
                continue
            if (here, imported) == ("cli", "enlib"):
                continue
            if module in SHARED or there is None:
                wrong.append(f"{module} imports {imported}, which is no room")
            elif there == here and imported == f"enlib.{here}":
                wrong.append(f"{module} imports its own front door: import the module beside it")
            elif there != here and there not in ARROWS[here]:
                wrong.append(f"{module} imports {imported}, against the arrows")
            elif there != here and imported != f"enlib.{there}":
                wrong.append(f"{module} imports {imported}, not enlib.{there}")
    assert not wrong, "\n".join(wrong)


def test_no_circles_among_modules():
    graph = {}
    for module, tree in MODULES.items():
        graph[module] = {imported for imported, _ in _imports(tree, _room(module))} & set(MODULES)
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail("expected no circle, got " + " <- ".join(error.args[1]))


def test_computing_never_draws():
    wrong = [
        f"{module} imports {imported}"
        for module, tree in MODULES.items()
        if _room(module) not in DRAWS
        for imported, _ in _imports(tree)
        if imported.split(".")[0] in DRAWING
    ]
    assert not wrong, "\n".join(wrong)


def test_notebooks_import_from_front_doors_alone():
    doors = {"enlib"} | {f"enlib.{room}" for room in ARROWS} | SHARED - {"enlib._tools"}
    wrong = [
        f"{program} imports {imported}"
        for program, tree in _programs()
        for imported, _ in _imports(tree)
        if imported.split(".")[0] == "enlib" and imported not in doors
    ]
    assert not wrong, "\n".join(wrong)


def test_every_public_name_is_there_and_documented():
    wrong = []
    for module in ("enlib", "enlib.losses", *(f"enlib.{room}" for room in ARROWS)):
        opened = importlib.import_module(module)
        for name in _listed(module):
            value = getattr(opened, name, None)
            if value is None:
                wrong.append(f"{module}.{name} does not exist")
            elif (inspect.isclass(value) or inspect.isfunction(value)) and not (value.__doc__ or "").strip():
                wrong.append(f"{module}.{name} has no docstring")
    assert not wrong, "\n".join(wrong)


BARE = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocker())
import enlib, {rooms}
from enlib import datasets, fit, make_optimizer, mlp

data = datasets.load("spheres", seed=0, train=20, validation=20, test=20)
model = mlp((100, 2, 1), seed=0)
history = fit(model, data, optimizer=make_optimizer("sgd", model, lr=0.1), epochs=1, seed=0, progress=False)
print(history.status)
"""


@pytest.mark.slow
def test_computing_needs_no_drawing_download_or_cluster_library():
    rooms = ", ".join(f"enlib.{room}" for room in ARROWS if room not in DRAWS)
    program = BARE.format(rooms=rooms, blocked=sorted(DRAWING | {"pooch", "requests", "ray"}))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() in ("capped", "converged")


def _named(annotation):
    """Return the names in an annotation, also in one written as text."""
    names = set()
    for node in ast.walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= _named(ast.parse(node.value, mode="eval"))
    return names


def _used():
    """Return (room, name) for each name that is used outside its room, or in a signature of its room's front door."""
    used, doors = set(), {}
    trees = [("a reader", tree) for _, tree in _programs()]
    for path in (ROOT / "benchmarks").glob("*.py"):
        trees.append(("a benchmark", ast.parse(path.read_text(encoding="utf-8"))))
    trees += [(_room(module) or module, tree) for module, tree in MODULES.items()]
    for where, tree in trees:
        for imported, name in _imports(tree):
            if _room(imported) != where:
                used.add((imported, name) if name else tuple(imported.rpartition(".")[::2]))
            # "from enlib import datasets": the room's names are then attributes of "datasets".
            door = f"{imported}.{name}" if name else imported
            doors[door.rpartition(".")[2]] = door
    for where, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in doors:
                door = doors[node.value.id]
                if _room(door) != where:
                    used.add((door, node.attr))
    for module, tree in MODULES.items():
        public = set(_listed(f"enlib.{_room(module)}")) if _room(module) else set()
        for node in tree.body:
            if getattr(node, "name", None) in public:
                for inner in ast.walk(node):
                    annotations = [getattr(inner, "annotation", None), getattr(inner, "returns", None)]
                    used |= {(f"enlib.{_room(module)}", name) for a in annotations for name in _named(a)}
    return used


def test_every_public_name_is_used():
    used = _used()
    doors = [f"enlib.{room}" for room in ARROWS]
    unused = [
        f"{door}.{name}"
        for door in doors
        for name in _listed(door)
        if (door, name) not in used and not name.endswith("Error")
    ]
    assert not unused, "public names that no notebook, page, command or other room uses:\n" + "\n".join(unused)
