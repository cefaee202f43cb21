"""What machines read: the map of the site, the course as text, the archive's metadata, the lock file."""

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


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs a git checkout")
def test_files_with_a_digest_keep_their_line_endings():
    names = ["book/_assets/katex/katex.min.css", "results/replication.csv"]
    said = subprocess.run(["git", "check-attr", "text", *names], cwd=ROOT, capture_output=True, text=True).stdout
    assert said.count("text: unset") == len(names)
