"""Downloads from a server on this machine, good and bad, and with the network cut."""

import gzip
import hashlib
import http.server
import io
import tarfile
import threading

import numpy as np
import pytest

from enlib.datasets import DataError, cifar10, fetch, load, mnist
from enlib.datasets.canonical import digests
from enlib.datasets.sources import CIFAR10, MNIST


@pytest.fixture
def serve():
    """Serve a dict of paths to bytes, or to a status code, on 127.0.0.1 until the test ends."""
    servers = []

    def start(files):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer = files.get(self.path, 404)
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                self.send_response(200)
                declared = len(answer) + (1000 if self.path in server.cut else 0)
                self.send_header("Content-Length", str(declared))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                server.requests.append(self.path)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.cut, server.requests = set(), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server, f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def small_mnist(monkeypatch):
    """Four files like MNIST's but small, whose digests take the place of the published ones."""
    rng = np.random.default_rng(0)
    files = {
        f"{stem}-{kind}": header + rng.integers(0, 10, size, dtype=np.uint8).tobytes()
        for stem, n in (("train", 60), ("t10k", 30))
        for kind, header, size in (
            ("images-idx3-ubyte", b"\0" * 16, n * 784),
            ("labels-idx1-ubyte", b"\0" * 8, n),
        )
    }
    for name, contents in files.items():
        monkeypatch.setitem(mnist.MNIST_SHA256, name, hashlib.sha256(contents).hexdigest())
    return {f"/{name}.gz": gzip.compress(contents) for name, contents in files.items()}


@pytest.fixture
def small_cifar10(monkeypatch):
    """An archive like CIFAR-10's but small, with a stray member that must not be unpacked."""
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    batches = {f"data_batch_{i}.bin": 30 for i in (1, 2)} | {"test_batch.bin": 20}
    images = {("train", 0): [], ("train", 1): [], ("test", 0): [], ("test", 1): []}
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, n in {**batches, "../../escape.bin": 1, "readme.html": 1}.items():
            records = rng.integers(0, 256, (n, 3073), dtype=np.uint8)
            records[:, 0] = np.arange(n) % 3
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = records.nbytes
            archive.addfile(member, io.BytesIO(records.tobytes()))
            if name in batches:
                split = "test" if name.startswith("test") else "train"
                for label in (0, 1):
                    images[split, label] += list(records[records[:, 0] == label, 1:])
    for key, members in images.items():
        digest = hashlib.sha256(b"".join(sorted(digests(np.stack(members))))).hexdigest()
        monkeypatch.setitem(cifar10.CIFAR10_SHA256, key, digest)
    return {"/cifar-10-binary.tar.gz": stream.getvalue()}


def left_behind(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_mnist_is_fetched_verified_and_read(tmp_path, serve, small_mnist):
    _, url = serve(small_mnist)
    fetch.fetch(MNIST, tmp_path, mirrors=[url])
    assert left_behind(tmp_path) == sorted(f"mnist{name}" for name in small_mnist)
    splits = mnist.read(tmp_path / "mnist")
    assert splits["train"][0].shape == (60, 28, 28)
    assert splits["test"][1].shape == (30,)


def test_what_is_there_is_not_fetched_again(tmp_path, serve, small_mnist):
    server, url = serve(small_mnist)
    fetch.fetch(MNIST, tmp_path, mirrors=[url])
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    before = len(server.requests)
    fetch.fetch(MNIST, tmp_path, mirrors=[url])
    fetch.fetch(MNIST, tmp_path, mirrors=[url])
    assert len(server.requests) - before == 1


def test_unpacked_files_are_as_good(tmp_path, small_mnist):
    (tmp_path / "mnist").mkdir()
    for name, contents in small_mnist.items():
        (tmp_path / f"mnist{name}").with_suffix("").write_bytes(gzip.decompress(contents))
    assert fetch.is_present(MNIST, tmp_path)
    fetch.verify(MNIST, tmp_path)


def test_cifar10_is_unpacked_verified_and_nothing_escapes(tmp_path, serve, small_cifar10):
    _, url = serve(small_cifar10)
    fetch.fetch(CIFAR10, tmp_path / "data", mirrors=[url])
    folder = "data/cifar-10-batches-bin"
    assert left_behind(tmp_path) == [f"{folder}/{n}.bin" for n in ("data_batch_1", "data_batch_2", "test_batch")]
    splits = cifar10.read(tmp_path / folder)
    assert splits["train"][0].shape == (40, 3, 32, 32)
    assert splits["test"][1].tolist() == [0] * 7 + [1] * 7


def test_next_mirror_is_tried(tmp_path, serve, small_mnist):
    _, good = serve(small_mnist)
    _, broken = serve(dict.fromkeys(small_mnist, 503))
    _, wrong = serve({name: gzip.compress(b"another file") for name in small_mnist})
    fetch.fetch(MNIST, tmp_path, mirrors=[broken, wrong, good])
    fetch.verify(MNIST, tmp_path)


def test_bad_mirrors_leave_nothing_and_are_all_named(tmp_path, serve, small_mnist):
    _, broken = serve({})
    _, wrong = serve({name: gzip.compress(b"another file") for name in small_mnist})
    cut_server, cut = serve({name: contents[:-20] for name, contents in small_mnist.items()})
    cut_server.cut.update(small_mnist)
    with pytest.raises(DataError) as caught:
        fetch.fetch(MNIST, tmp_path, mirrors=[broken, wrong, cut])
    message = str(caught.value)
    assert f"{broken}train-images-idx3-ubyte.gz: the server answered 404" in message
    assert f"{wrong}train-images-idx3-ubyte.gz: expected" in message
    assert f"{cut}train-images-idx3-ubyte.gz: " in message
    assert "digits-1v7" in message
    assert left_behind(tmp_path) == []


def test_damaged_archive_is_not_used(tmp_path, serve, small_cifar10):
    name, contents = next(iter(small_cifar10.items()))
    _, url = serve({name: contents[: len(contents) // 2]})
    with pytest.raises(DataError, match="from none of"):
        fetch.fetch(CIFAR10, tmp_path, mirrors=[url])
    assert left_behind(tmp_path) == []


def test_with_the_network_cut_the_error_names_what_was_tried(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DataError) as caught:
        load("mnist-1v7", seed=0, data_dir=tmp_path)
    message = str(caught.value)
    for mirror in MNIST.mirrors:
        assert f"{mirror}train-images-idx3-ubyte.gz: no connection" in message
    assert str(tmp_path) in message
    assert "digits-1v7" in message


def test_data_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "mnist").write_text("in the way")
    with pytest.raises(DataError, match="that can be written"):
        fetch.fetch(MNIST, tmp_path, mirrors=["http://127.0.0.1:9/"])


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
    assert mnist.MNIST_SHA256["train-images-idx3-ubyte"] in message
    assert message.count("SHA-256") == 2
    assert "move it away, then run python -m enlib data fetch mnist" in message
    assert victim.read_bytes() == bad


def test_damaged_cifar10_batch_is_refused_and_left_as_it_is(tmp_path, serve, small_cifar10):
    _, url = serve(small_cifar10)
    fetch.fetch(CIFAR10, tmp_path, mirrors=[url])
    victim = tmp_path / "cifar-10-batches-bin" / "data_batch_1.bin"
    good = victim.read_bytes()
    victim.write_bytes(good[:-1])
    with pytest.raises(DataError, match=r"data_batch_1.bin to hold whole records of 3073 bytes.*SHA-256"):
        load("cifar10-0v1", seed=0, data_dir=tmp_path)
    flipped = good[:10] + bytes([good[10] ^ 1]) + good[11:]
    victim.write_bytes(flipped)
    with pytest.raises(DataError, match="train images of class 0 .* to have SHA-256 .* got 20 images with"):
        load("cifar10-0v1", seed=0, data_dir=tmp_path)
    assert victim.read_bytes() == flipped
