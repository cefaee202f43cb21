import errno
import multiprocessing
import os
import stat
import sys
import time
from fractions import Fraction

import numpy as np
import pytest
import torch

from enlib import _tools
from enlib._tools import generator, hide_progress, resolve_device, stream, write_atomically


class TestKnown:
    def test_unknown_name_lists_the_known_and_suggests_the_nearest(self):
        with pytest.raises(ValueError, match="one of spheres, gaussians; got 'sphere': did you mean 'spheres'"):
            _tools.known("data set", "sphere", ["spheres", "gaussians"])

    def test_unknown_name_that_resembles_nothing_gets_no_suggestion(self):
        with pytest.raises(ValueError, match="choose one of these"):
            _tools.known("data set", "zzz", ["spheres"])

    @pytest.mark.parametrize(
        "bad", [None, 3, ["spheres"], np.array(["spheres", "b"]), {}, b"spheres", torch.zeros(2)]
    )
    def test_a_value_that_is_not_a_string_is_a_type_error(self, bad):
        with pytest.raises(TypeError, match="expected data set to be one of spheres; got .*: choose one of these"):
            _tools.known("data set", bad, ["spheres"])

    def test_text_of_numpy_becomes_plain(self):
        assert type(_tools.known("data set", np.str_("spheres"), ["spheres"])) is str


NUMBERS = [2, 2.0, Fraction(2), np.int8(2), np.float32(2), np.array(2.0), torch.tensor(2), torch.tensor(2.0)]
NO_NUMBERS = ["2", True, None, [2], 2j, np.True_, np.array([2.0]), torch.tensor([2.0]), torch.tensor(True), b"2", {}]


class TestNumbers:
    @pytest.mark.parametrize("value", NUMBERS, ids=repr)
    @pytest.mark.parametrize("check", [_tools.positive, _tools.non_negative])
    def test_scalars_of_python_numpy_and_torch_become_plain_floats(self, check, value):
        assert type(check("lr", value)) is float
        assert check("lr", value) == 2

    @pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2), np.array(2), torch.tensor(2)], ids=repr)
    def test_integers_of_python_numpy_and_torch_become_plain_ints(self, value):
        assert type(_tools.count("epochs", value)) is int
        assert _tools.count("epochs", value) == 2

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
    def test_scalars_on_an_accelerator_are_taken(self):
        assert _tools.positive("lr", torch.tensor(0.5, device="cuda")) == 0.5
        assert _tools.count("epochs", torch.tensor(3, device="cuda")) == 3

    @pytest.mark.parametrize(
        "bad", [0, -1.0, float("nan"), float("inf"), 10**400, np.float64("nan"), torch.tensor(0)]
    )
    def test_positive_refuses(self, bad):
        with pytest.raises(ValueError, match="expected lr > 0, got .*: pass a positive, finite number"):
            _tools.positive("lr", bad)

    @pytest.mark.parametrize("bad", [-1e-9, float("nan"), -(10**400), torch.tensor(-1.0)])
    def test_non_negative_refuses(self, bad):
        with pytest.raises(ValueError, match="expected lam >= 0, got .*: pass zero or"):
            _tools.non_negative("lam", bad)

    @pytest.mark.parametrize("bad", [0, -3, np.int64(0), torch.tensor(0), 2**63, 10**20])
    def test_count_refuses(self, bad):
        with pytest.raises(ValueError, match="expected epochs to be an integer"):
            _tools.count("epochs", bad)

    @pytest.mark.parametrize("bad", NO_NUMBERS, ids=repr)
    @pytest.mark.parametrize("check", [_tools.positive, _tools.non_negative, _tools.count])
    def test_wrong_types_are_type_errors_in_the_same_words(self, check, bad):
        with pytest.raises(TypeError, match=r"expected x (>|to be an integer).*, got .*: pass"):
            check("x", bad)

    @pytest.mark.parametrize("bad", [1.0, float("nan"), np.float64(2), torch.tensor(2.0)])
    def test_a_float_is_no_count(self, bad):
        with pytest.raises(ValueError, match="expected epochs to be an integer >= 1, got"):
            _tools.count("epochs", bad)

    def test_a_long_value_is_shortened_in_the_message(self):
        with pytest.raises(TypeError) as caught:
            _tools.positive("lr", list(range(10**5)))
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.int8])
def test_an_array_is_made_of_a_tensor_of_any_precision(dtype):
    found = _tools.array("x", torch.tensor([1, -2]).to(dtype))
    assert (found.dtype, found.tolist()) == (np.float64, [1.0, -2.0])


def entries(folder):
    return sorted(entry.name for entry in folder.iterdir())


def write_many(path, letter, times):
    for _ in range(times):
        write_atomically(path, letter * 10**5)


class TestWriteAtomically:
    def test_replaces_the_file_and_leaves_nothing_else(self, tmp_path):
        path = tmp_path / "table.csv"
        for contents in (b"old", b"new"):
            write_atomically(path, contents)
            assert path.read_bytes() == contents
        assert entries(tmp_path) == ["table.csv"]

    @pytest.mark.skipif(os.name == "nt", reason="needs a umask")
    @pytest.mark.parametrize("umask, mode", [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
    def test_the_umask_decides_who_may_read(self, tmp_path, umask, mode):
        before = os.umask(umask)
        try:
            write_atomically(tmp_path / "file", b"")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode

    @pytest.mark.skipif(os.name == "nt", reason="needs links")
    def test_no_link_is_followed(self, tmp_path, monkeypatch):
        victim = tmp_path / "victim"
        victim.write_bytes(b"precious")
        (tmp_path / "file").symlink_to(victim)
        write_atomically(tmp_path / "file", b"new")
        monkeypatch.setattr(_tools.secrets, "token_hex", lambda n: "guessed")
        (tmp_path / ".file.guessed.part").symlink_to(victim)
        with pytest.raises(OSError, match="expected to write .*file, got"):
            write_atomically(tmp_path / "file", b"newer")
        assert victim.read_bytes() == b"precious"
        assert (tmp_path / "file").read_bytes() == b"new"

    def test_leftovers_of_killed_processes_are_swept_after_an_hour(self, tmp_path):
        old, recent, other = (tmp_path / name for name in (".a[1].x.part", ".a[1].y.part", ".b.x.part"))
        for path in (old, recent, other):
            path.write_bytes(b"")
        for path in (old, other):
            os.utime(path, (time.time() - 3700,) * 2)
        write_atomically(tmp_path / "a[1]", b"")
        assert entries(tmp_path) == [".a[1].y.part", ".b.x.part", "a[1]"]

    def test_a_missing_folder_and_a_folder_in_the_way_are_named(self, tmp_path):
        (tmp_path / "folder").mkdir()
        with pytest.raises(OSError, match=r"expected to write .*folder, got .*: a folder has this name"):
            write_atomically(tmp_path / "folder", b"")
        with pytest.raises(
            FileNotFoundError, match=r"expected to write .*none.*: check the path, and make its folder"
        ):
            write_atomically(tmp_path / "none" / "file", b"")
        assert entries(tmp_path) == ["folder"]

    @pytest.mark.parametrize(
        "number, advice",
        [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "check its permissions"), (errno.EIO, "another path")],
    )
    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_a_failure_names_the_path_and_removes_the_temporary_file(
        self, tmp_path, monkeypatch, call, number, advice
    ):
        (tmp_path / "file").write_bytes(b"old")

        def fail(*arguments):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (_tools.Path, "replace")), fail)
        with pytest.raises(OSError, match=advice) as caught:
            write_atomically(tmp_path / "file", b"new")
        assert str(tmp_path / "file") in str(caught.value)
        assert "Errno" not in str(caught.value)
        assert caught.value.errno == number
        assert type(caught.value) is type(OSError(number, ""))
        assert entries(tmp_path) == ["file"]
        assert (tmp_path / "file").read_bytes() == b"old"

    @pytest.mark.skipif(os.name == "nt", reason="needs fork")
    def test_two_writers_leave_one_whole_file(self, tmp_path):
        path = tmp_path / "file"
        context = multiprocessing.get_context("fork")
        writers = [context.Process(target=write_many, args=(path, letter, 50)) for letter in (b"a", b"b")]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert path.read_bytes() in (b"a" * 10**5, b"b" * 10**5)
        assert entries(tmp_path) == ["file"]


class TestSeeds:
    def test_purposes_and_seeds_give_different_streams(self):
        seeds = {stream(seed, purpose) for seed in range(50) for purpose in ("a", "b", "batch order")}
        assert len(seeds) == 150

    @pytest.mark.parametrize("zero", [0, np.int64(0), torch.tensor(0)])
    def test_streams_are_the_same_on_every_machine_and_for_every_kind_of_integer(self, zero):
        # Oracle: printf 0/x | sha256sum | cut -c1-16, without the last bit.
        assert stream(zero, "x") == 0xAFE44FACC2B88847 >> 1

    def test_generator_leaves_the_global_state_alone(self):
        before = torch.get_rng_state()
        torch.rand(3, generator=generator(0, "a"))
        assert torch.equal(before, torch.get_rng_state())

    @pytest.mark.parametrize("bad", [-1, 0.5, True, None, "0"])
    def test_seed_must_be_a_whole_number(self, bad):
        with pytest.raises((ValueError, TypeError), match="expected seed to be an integer >= 0"):
            stream(bad, "a")


class TestDevices:
    def test_auto_takes_an_available_device(self):
        torch.zeros(1, device=resolve_device("auto"))

    def test_auto_never_takes_mps_for_float64(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        assert resolve_device("auto", torch.float64) == torch.device("cpu")
        assert resolve_device("auto", torch.float32) == torch.device("mps")

    def test_missing_accelerator_says_what_to_do(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ValueError, match="available device, got 'cuda:1': pass 'auto' or 'cpu'"):
            resolve_device("cuda:1")

    @pytest.mark.parametrize("bad", ["cpu:abc", "cuda:99", "auto:1", "cpu:3", None, 3])
    def test_bad_devices_are_errors_with_advice(self, bad):
        with pytest.raises(ValueError, match="got '|one of auto"):
            resolve_device(bad)

    def test_unknown_device_suggests_the_nearest(self):
        with pytest.raises(ValueError, match="did you mean 'cuda'"):
            resolve_device("cude")


@pytest.mark.parametrize("progress", [None, True, False])
def test_no_bar_is_shown_where_there_is_no_standard_error(monkeypatch, progress):
    monkeypatch.setattr(sys, "stderr", None)
    assert hide_progress(progress)
