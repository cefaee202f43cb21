import subprocess
import sys

import pytest


@pytest.mark.parametrize("room", ["statistics", "tables"])
@pytest.mark.slow
def test_a_room_that_reads_results_does_not_import_the_one_that_makes_them(room):
    """The package's front door imports everything, so an empty one stands in for it."""
    program = f"""
import importlib, pathlib, sys, types
enlib = types.ModuleType("enlib")
enlib.__path__ = [str(pathlib.Path("enlib").resolve())]
sys.modules["enlib"] = enlib
importlib.import_module("enlib.{room}")
print(*sorted(name for name in sys.modules if name.startswith("enlib.") and name.count(".") == 1))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= {"enlib._tools", "enlib.losses", "enlib.statistics", "enlib.tables"}
