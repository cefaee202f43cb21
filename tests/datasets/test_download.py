"""Downloads from a server on this machine, and with the network cut."""

import gzip
import multiprocessing
import os
import time

import pytest

from enlib.datasets import SOURCES, DataError, fetch, images, is_present, load, verify


def left_behind(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_mnist_is_fetched_verified_and_read(tmp_path, serve, small_mnist):
    _, url = serve(small_mnist)
    fetch("mnist", tmp_path, mirrors=[url])
    assert left_behind(tmp_path) == sorted(f"mnist{name}" for name in small_mnist)
    splits = images.read_mnist(tmp_path / "mnist")
    assert all(pool.shape[1:] == (1, 28, 28) for pools in splits.values() for pool in pools)
    assert 0 < sum(len(pool) for pool in splits["train"]) < 60


def test_what_is_there_is_not_fetched_again(tmp_path, serve, small_mnist):
    server, url = serve(small_mnist)
    fetch("mnist", tmp_path, mirrors=[url])
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    before = len(server.requests)
    fetch("mnist", tmp_path, mirrors=[url])
    fetch("mnist", tmp_path, mirrors=[url])
    assert len(server.requests) - before == 1


def test_unpacked_files_are_as_good(tmp_path, small_mnist):
    (tmp_path / "mnist").mkdir()
    for name, contents in small_mnist.items():
        (tmp_path / f"mnist{name}").with_suffix("").write_bytes(gzip.decompress(contents))
    assert is_present("mnist", tmp_path)
    verify("mnist", tmp_path)


def test_cifar10_is_unpacked_verified_and_nothing_escapes(tmp_path, serve, small_cifar10):
    _, url = serve(small_cifar10)
    fetch("cifar10", tmp_path / "data", mirrors=[url])
    folder = "data/cifar-10-batches-bin"
    assert left_behind(tmp_path) == [f"{folder}/{n}.bin" for n in ("data_batch_1", "data_batch_2", "test_batch")]
    splits = images.read_cifar10(tmp_path / folder)
    assert [pool.shape for pool in splits["train"]] == [(20, 3, 32, 32)] * 2
    assert [pool.shape for pool in splits["test"]] == [(7, 3, 32, 32)] * 2


def test_next_mirror_is_tried(tmp_path, serve, small_mnist):
    _, good = serve(small_mnist)
    _, broken = serve(dict.fromkeys(small_mnist, 503))
    _, wrong = serve({name: gzip.compress(b"another file") for name in small_mnist})
    fetch("mnist", tmp_path, mirrors=[broken, wrong, good])
    verify("mnist", tmp_path)


def cut_short(request, stop):
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"x" * 100)


def test_bad_mirrors_leave_nothing_and_are_all_named(tmp_path, serve, small_mnist):
    _, broken = serve({})
    _, wrong = serve({name: gzip.compress(b"another file") for name in small_mnist})
    _, cut = serve(dict.fromkeys(small_mnist, cut_short))
    with pytest.raises(DataError) as caught:
        fetch("mnist", tmp_path, mirrors=[broken, wrong, cut])
    message = str(caught.value)
    assert f"{broken}train-images-idx3-ubyte.gz: the server answered 404" in message
    assert f"{wrong}train-images-idx3-ubyte.gz: its contents do not have the published SHA-256" in message
    assert f"{cut}train-images-idx3-ubyte.gz: no connection, or a broken one (IncompleteRead" in message
    assert "digits-1v7" in message
    assert left_behind(tmp_path) == []


def test_damaged_archive_is_not_used(tmp_path, serve, small_cifar10):
    name, contents = next(iter(small_cifar10.items()))
    _, url = serve({name: contents[: len(contents) // 2]})
    with pytest.raises(DataError, match="from none of"):
        fetch("cifar10", tmp_path, mirrors=[url])
    assert left_behind(tmp_path) == []


def test_with_the_network_cut_the_error_names_what_was_tried(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DataError) as caught:
        load("mnist-1v7", seed=0, data_dir=tmp_path)
    message = str(caught.value)
    for mirror in SOURCES["mnist"].mirrors:
        assert f"{mirror}train-images-idx3-ubyte.gz: no connection" in message
    assert str(tmp_path) in message
    assert "digits-1v7" in message


def test_data_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "mnist").write_text("in the way")
    with pytest.raises(DataError, match="that can be written"):
        fetch("mnist", tmp_path, mirrors=["http://127.0.0.1:9/"])


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:40] + b"\0" + b[41:], lambda b: b""])
def test_damaged_mnist_file_is_refused_and_left_as_it_is(tmp_path, small_mnist, damage):
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, contents in small_mnist.items():
        (tmp_path / f"mnist{name}").write_bytes(contents)
    victim = folder / "train-images-idx3-ubyte.gz"
    bad = damage(victim.read_bytes())
    victim.write_bytes(bad)
    with pytest.raises(DataError) as caught:
        load("mnist-1v7", seed=0, data_dir=tmp_path)
    message = str(caught.value)
    assert str(victim) in message
    assert images.MNIST_FILES["train-images-idx3-ubyte"][1] in message
    assert message.count("SHA-256") == 2
    assert "move it away, then run python -m enlib data fetch mnist" in message
    assert victim.read_bytes() == bad


def test_damaged_cifar10_batch_is_refused_and_left_as_it_is(tmp_path, serve, small_cifar10):
    _, url = serve(small_cifar10)
    fetch("cifar10", tmp_path, mirrors=[url])
    victim = tmp_path / "cifar-10-batches-bin" / "data_batch_1.bin"
    good = victim.read_bytes()
    victim.write_bytes(good[:-1])
    with pytest.raises(DataError, match=r"data_batch_1.bin to hold whole records of 3073 bytes.*SHA-256"):
        load("cifar10-0v1", seed=0, data_dir=tmp_path)
    flipped = good[:10] + bytes([good[10] ^ 1]) + good[11:]
    victim.write_bytes(flipped)
    with pytest.raises(DataError, match=r"train images of class 0 in .*data_batch_1.bin.* got 20 images with"):
        load("cifar10-0v1", seed=0, data_dir=tmp_path)
    assert victim.read_bytes() == flipped


@pytest.mark.skipif(os.name == "nt", reason="needs a umask")
@pytest.mark.parametrize("umask, mode", [(0o002, 0o664), (0o077, 0o600)])
def test_the_umask_decides_who_may_read(tmp_path, serve, small_mnist, small_cifar10, umask, mode):
    _, url = serve(small_mnist | small_cifar10)
    before = os.umask(umask)
    try:
        for name in SOURCES:
            fetch(name, tmp_path / "new", mirrors=[url])
    finally:
        os.umask(before)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 7
    assert {path.stat().st_mode & 0o777 for path in files} == {mode}


def test_leftovers_of_killed_processes_are_swept(tmp_path, serve, small_mnist):
    (tmp_path / "mnist").mkdir()
    old, recent = (tmp_path / "mnist" / f".train-images-idx3-ubyte.gz.{name}.part" for name in ("old", "recent"))
    for path in (old, recent):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 3700,) * 2)
    _, url = serve(small_mnist)
    fetch("mnist", tmp_path, mirrors=[url])
    assert not old.exists()
    assert recent.exists()


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_two_processes_that_fetch_at_once_do_not_disturb_each_other(tmp_path, serve, small_mnist, small_cifar10):
    _, url = serve(small_mnist | small_cifar10)
    context = multiprocessing.get_context("fork")
    names = (*SOURCES, *SOURCES)
    fetchers = [context.Process(target=fetch, args=(name, tmp_path), kwargs={"mirrors": [url]}) for name in names]
    for fetcher in fetchers:
        fetcher.start()
    for fetcher in fetchers:
        fetcher.join(timeout=60)
    assert [fetcher.exitcode for fetcher in fetchers] == [0] * 4
    for name in SOURCES:
        verify(name, tmp_path)
    assert len(left_behind(tmp_path)) == 7


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_told_at_once_and_no_fault_of_the_mirror(tmp_path, serve, small_cifar10, monkeypatch, call):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    server, url = serve(small_cifar10)
    monkeypatch.setattr(*((os, call) if call == "fsync" else (type(tmp_path), call)), fail)
    message = (
        'expected to write .*data_batch_1.bin, got "No space left on device": the disk is full.*or set ENLIB_DATA'
    )
    with pytest.raises(DataError, match=message):
        fetch("cifar10", tmp_path, mirrors=[url, url])
    assert len(server.requests) == 1
    assert left_behind(tmp_path) == []


def test_unknown_source():
    with pytest.raises(ValueError, match="did you mean 'mnist'"):
        fetch("mnits")
    with pytest.raises(TypeError, match="expected data_dir to be a path, got 3"):
        is_present("mnist", 3)
