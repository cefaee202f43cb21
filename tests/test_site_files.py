"""What machines read: the site's map, the course as text, the archive's metadata, the lock file, the workflows."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("base", ["", "https://example.org/course/"])
def test_map_and_texts_name_every_page_once(tmp_path, monkeypatch, base):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    from site_files import write_site_files

    (tmp_path / "start.md").write_text("# Start\n\nA & B")
    cells = [
        {"cell_type": "markdown", "source": ["# One"]},
        {"cell_type": "code", "source": "x = 1", "outputs": ["42"]},
    ]
    (tmp_path / "one.ipynb").write_text(json.dumps({"cells": cells}))
    env = SimpleNamespace(
        toctree_includes={"start": ["one", "one"]},
        titles={page: SimpleNamespace(astext=lambda page=page: page.title()) for page in ("start", "one")},
        doc2path=lambda page: tmp_path / {"start": "start.md", "one": "one.ipynb"}[page],
    )
    builder = SimpleNamespace(format="html", get_target_uri=lambda page: page + ".html")
    config = SimpleNamespace(root_doc="start", html_baseurl=base, html_title="Course", project="")
    app = SimpleNamespace(env=env, builder=builder, config=config, outdir=tmp_path)
    write_site_files(app, None)
    assert f"\n- [Start]({base}start.html)\n- [One]({base}one.html)\n" in (tmp_path / "llms.txt").read_text()
    whole = (tmp_path / "llms-full.txt").read_text()
    assert "# Start\n\nA & B\n\n# One\n\n```python\nx = 1\n```\n" in whole
    assert "42" not in whole
    assert (tmp_path / "sitemap.xml").exists() == bool(base)
    if base:
        found = re.findall("<loc>(.*?)</loc>", (tmp_path / "sitemap.xml").read_text())
        assert found == [base + "start.html", base + "one.html"]


def test_the_metadata_agree():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    meta = json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))
    assert (meta["name"], meta["version"], meta["keywords"]) == (cff["title"], cff["version"], cff["keywords"])
    assert [address.rsplit("/", 1)[1] for address in meta["license"]] == cff["license"]
    assert f'\nversion = "{cff["version"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert [entry["url"] for entry in meta["citation"]] == [entry["url"] for entry in cff["references"]]


def test_the_lock_file_is_within_the_ranges_and_names_no_place():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)$", lock, re.MULTILINE))
    assert len(locked) == len([line for line in lock.splitlines() if not line.startswith("#")])
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#-":
            wanted = Requirement(line)
            assert wanted.specifier.contains(locked[wanted.name.replace("_", "-").lower()]), line


def test_binder_takes_the_course_with_the_small_build_of_its_torch():
    lines = (ROOT / ".binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    torch = re.search("^torch==.*", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert lines[1:] == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        f"{torch}+cpu",
        "-r ../requirements.txt",
    ]


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs a git checkout")
def test_files_with_a_digest_keep_their_line_endings():
    names = ["book/_assets/katex/katex.min.css", "results/replication.csv"]
    said = subprocess.run(["git", "check-attr", "text", *names], cwd=ROOT, capture_output=True, text=True).stdout
    assert said.count("text: unset") == len(names)


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.stem)
def test_workflows_pin_actions_build_read_only_and_call_what_exists(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    torch = re.search("^torch==.*", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)[0]
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            command = step.get("run", "")
            assert "uses" not in step or re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert set(re.findall(r"\bmake ([a-z-]+)", command)) <= set(targets)
            assert {f"torch=={version}" for version in re.findall("torch==([0-9.]+)", command)} <= {torch}
            # Code of the course, or of a package, never runs where something can be written.
            assert "permissions" not in job or not re.search("make|pip|python", command)


def test_continuous_integration_runs_the_least_python_and_both_ends_of_the_ranges():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["versions"]["strategy"]["matrix"]
    least = re.search('requires-python = ">=(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))[1]
    assert matrix["python"][0] == least
    assert matrix["resolution"] == ["lowest-direct", "highest"]
