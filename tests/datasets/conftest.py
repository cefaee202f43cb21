"""Small archives in the place of the published ones, and a server for them on this machine."""

import collections
import gzip
import hashlib
import http.server
import io
import tarfile
import threading

import numpy as np
import pytest

from enlib.datasets import SOURCES, download, images


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Let no setting of this machine come between a test and its server."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def serve():
    """Serve on 127.0.0.1 until the test ends: from paths to bytes, a status code, or a function of the request."""
    servers = []

    def start(files):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                answer = files.get(self.path, 404)
                if isinstance(answer, int):
                    self.send_error(answer)
                elif isinstance(answer, bytes):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                else:
                    answer(self, server.stop)
                    self.close_connection = True

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request, client_address):
                pass  # the client has left

        server = Server(("127.0.0.1", 0), Handler)
        server.requests, server.stop = [], threading.Event()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server, f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server in servers:
        server.stop.set()
        server.shutdown()
        server.server_close()


def make_mnist():
    """Return four files like MNIST's but small, decompressed, by name."""
    rng = np.random.default_rng(0)
    return {
        f"{stem}-{kind}": header + rng.integers(0, 10, size, dtype=np.uint8).tobytes()
        for stem, n in (("train", 60), ("t10k", 30))
        for kind, header, size in (
            ("images-idx3-ubyte", b"\0" * 16, n * 784),
            ("labels-idx1-ubyte", b"\0" * 8, n),
        )
    }


def make_cifar10():
    """Return three batches like CIFAR-10's but small, by name."""
    rng = np.random.default_rng(0)
    batches = {}
    for name, n in {"data_batch_1.bin": 30, "data_batch_2.bin": 30, "test_batch.bin": 20}.items():
        records = rng.integers(0, 256, (n, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(n) % 3
        batches[name] = records.tobytes()
    return batches


def pack(members):
    """Return a tar.gz of pairs of a `tarfile.TarInfo` or a name, and contents."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        for member, contents in members:
            if isinstance(member, str):
                member = tarfile.TarInfo(member)
                member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    return stream.getvalue()


@pytest.fixture
def small_mnist(monkeypatch):
    """Serve small files whose sizes and digests take the place of the published ones."""
    files = make_mnist()
    for name, contents in files.items():
        monkeypatch.setitem(images.MNIST_FILES, name, (len(contents), hashlib.sha256(contents).hexdigest()))
    packed = {f"{name}.gz": gzip.compress(contents) for name, contents in files.items()}
    for name, contents in packed.items():
        monkeypatch.setitem(SOURCES["mnist"].files, name, len(contents))
    return {f"/{name}": contents for name, contents in packed.items()}


@pytest.fixture
def small_batches(monkeypatch):
    """Let the digests of small batches take the place of the published ones."""
    batches = make_cifar10()
    monkeypatch.setattr(download, "CIFAR10_BYTES", sum(map(len, batches.values())))
    for pool, prefix in (("train", "data"), ("test", "test")):
        contents = b"".join(batch for name, batch in batches.items() if name.startswith(prefix))
        records = np.frombuffer(contents, np.uint8).reshape(-1, 3073)
        for label in (0, 1):
            keys = sorted(hashlib.sha256(record[1:].tobytes()).digest() for record in records if record[0] == label)
            monkeypatch.setitem(images.CIFAR10_CLASSES, (pool, label), hashlib.sha256(b"".join(keys)).hexdigest())
    return batches


@pytest.fixture
def small_cifar10(small_batches):
    """An archive like CIFAR-10's but small, with two members that must not be unpacked."""
    members = {**small_batches, "../../escape.bin": b"x", "readme.html": b"x"}
    archive = pack([(f"cifar-10-batches-bin/{name}", contents) for name, contents in members.items()])
    return {"/cifar-10-binary.tar.gz": archive}


_TALLY = pytest.StashKey[collections.Counter]()


@pytest.fixture(scope="session")
def tally(request):
    """Count how the hostile cases ended, for the summary."""
    return request.config.stash.setdefault(_TALLY, collections.Counter())


def pytest_terminal_summary(terminalreporter):
    counts = terminalreporter.config.stash.get(_TALLY, {})
    if counts:
        endings = ", ".join(f"{number} x {ending}" for ending, number in sorted(counts.items()))
        terminalreporter.write_line(f"hostile downloads: {endings}")
