import pytest
import torch

from enlib.datasets import load
from enlib.training import checkpoint


def test_round_trip_without_leftovers(tmp_path):
    path = tmp_path / "deep" / "run.pt"
    checkpoint.save(path, {"fingerprint": {"seed": "0"}, "x": torch.ones(2)})
    checkpoint.save(path, {"fingerprint": {"seed": "0"}, "x": torch.zeros(2)})
    assert torch.equal(checkpoint.load(path, {"seed": "0"})["x"], torch.zeros(2))
    assert [p.name for p in path.parent.iterdir()] == ["run.pt"]


def test_failed_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    checkpoint.save(path, {"fingerprint": {}})
    before = path.read_bytes()

    def disk_full(state, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(path, {"fingerprint": {}})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b"",
        lambda b: b"hello",
        lambda b: b"a,b\n1,2\n",
        lambda b: b"#!/bin/sh\n",
    ],
)
def test_damaged_checkpoint_is_refused_and_left_as_it_is(tmp_path, damage):
    path = tmp_path / "run.pt"
    checkpoint.save(path, {"fingerprint": {}, "x": torch.ones(1000)})
    bad = damage(path.read_bytes())
    path.write_bytes(bad)
    with pytest.raises(ValueError, match=r"cannot be read as one .* move it away"):
        checkpoint.load(path, {})
    assert path.read_bytes() == bad


class Malicious:
    def __reduce__(self):
        return print, ("this must not run",)


def test_no_code_is_unpickled(tmp_path, capsys):
    torch.save({"fingerprint": {}, "x": Malicious()}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoint.load(tmp_path / "run.pt", {})
    assert capsys.readouterr().out == ""


def test_digest_tells_data_apart():
    one, same, other = (checkpoint.digest([load("spheres", seed=seed, train=10).train.inputs]) for seed in (0, 0, 1))
    assert one == same != other
