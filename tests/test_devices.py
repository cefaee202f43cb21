import pytest
import torch

from enlib._tools import resolve_device


def test_auto_takes_an_available_device():
    torch.zeros(1, device=resolve_device("auto"))


def test_auto_never_takes_mps_for_float64(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto", torch.float64) == torch.device("cpu")
    assert resolve_device("auto", torch.float32) == torch.device("mps")


def test_missing_accelerator_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="available device, got 'cuda:1': pass 'auto' or 'cpu'"):
        resolve_device("cuda:1")


@pytest.mark.parametrize("bad", ["cpu:abc", "cuda:99", "auto:1", "cpu:3"])
def test_bad_devices_are_errors_with_advice(bad):
    with pytest.raises(ValueError, match="got '|one of auto"):
        resolve_device(bad)


def test_unknown_device_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'cuda'"):
        resolve_device("cude")
