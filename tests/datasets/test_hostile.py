"""Downloads from mirrors, proxies and archives that mean harm: each ends in the next mirror or in one message.

Whatever a case does, `fetch` ends within its time limits with the published files or a `DataError`, writes nothing
outside its folder, leaves no temporary file, and takes no other data for the published ones.
"""

import functools
import gzip
import io
import itertools
import random
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tarfile
import threading
import time

import pytest

from enlib.datasets import DataError, download, fetch, verify

pytestmark = pytest.mark.slow  # together, not one by one

STALL = 1  # second; the hostile servers are slower, and a busy machine is not
BOUND = 20  # seconds that no case may take, on however busy a machine
FIRST = "/train-images-idx3-ubyte.gz"
ARCHIVE = "/cifar-10-binary.tar.gz"


@pytest.fixture
def settle(tmp_path, serve, small_mnist, small_cifar10, tally, monkeypatch):
    """Fetch from a bad mirror alone and from a bad and a good one, check every promise, and return the message."""
    _, good = serve(small_mnist | small_cifar10)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "victim").write_text("precious")

    def run(source, bad, stall=STALL, total=7200.0):
        monkeypatch.setattr(download, "_STALL", stall)
        monkeypatch.setattr(download, "_TOTAL", total)
        started, message, followed = time.monotonic(), "", False
        for trial, mirrors in (("alone", [bad]), ("followed", [bad, good])):
            data = tmp_path / trial / "data"
            try:
                fetch(source, data, mirrors=mirrors)
            except DataError as error:
                message = str(error)
                assert message.startswith("expected to download")
                assert "work offline" in message
                assert "\x1b" not in message
                assert len(message.splitlines()) == 3
            else:
                verify(source, data)
                followed = trial == "followed"
                tally["the published data from a hostile mirror" if trial == "alone" else "next mirror"] += 1
            left = [str(path.relative_to(data)) for path in data.rglob("*") if not path.is_dir()]
            names = r"mnist/(train|t10k)-\w+-idx\d-ubyte\.gz|cifar-10-batches-bin/(data_batch_[12]|test_batch)\.bin"
            assert all(re.fullmatch(names, name) for name in left), left
            assert not list(data.rglob("*.part"))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "followed", "outside"]
        assert [path.name for path in (tmp_path / "outside").iterdir()] == ["victim"]
        assert (tmp_path / "outside" / "victim").read_text() == "precious"
        assert followed, f"the next mirror was not taken: {message}"
        assert time.monotonic() - started < BOUND
        tally["house message"] += bool(message)
        return message

    return run


# Servers. Each takes the request and an event that is set when the test is over.


def raw(*parts, pause=0.0, forever=False):
    """Send bytes as they are; between them a pause, and the last one for ever."""

    def answer(request, stop):
        for part in itertools.chain(parts, itertools.repeat(parts[-1]) if forever else ()):
            if stop.wait(pause) if pause else stop.is_set():
                return
            request.wfile.write(part)

    return answer


def silent(request, stop):
    stop.wait(30)


def reset(request, stop):
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


def redirect(location, body=b"", forever=False):
    head = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n"
    return raw(head, body or b" ", forever=forever)


def reply(body, *headers, status=b"200 OK"):
    return raw(b"HTTP/1.1 " + status + b"\r\n" + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body)


@functools.cache
def bomb():
    return gzip.compress(bytes(60_000_000), compresslevel=9)


def bomb_for(*headers):
    return lambda request, stop: reply(bomb(), *headers)(request, stop)


OK = b"HTTP/1.1 200 OK\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SERVERS = {
    "one byte a second in the body": raw(OK, b"x", pause=0.1, forever=True),
    "one byte a second in the header": raw(b"HTTP/1.1 200 OK\r\n", b"x", pause=0.1, forever=True),
    "one byte a second before the header": raw(b"H", pause=0.1, forever=True),
    "one header a second": raw(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", pause=0.1, forever=True),
    "no answer": silent,
    "no body": raw(OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 500\r\n\r\n"), b"", pause=0.1, forever=True),
    "endless body": raw(OK, bytes(1 << 16), forever=True),
    "chunks of one byte a second": raw(CHUNKED, b"1\r\nx\r\n", pause=0.1, forever=True),
    "endless chunks": raw(CHUNKED, b"4\r\nabcd\r\n" * 9999, forever=True),
    "endless headers": raw(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1000, forever=True),
    "endless header": raw(b"HTTP/1.1 200 OK\r\nA: ", b"b" * 100_000, forever=True),
    "endless status line": raw(b"HTTP/1.1 200 ", b"b" * 100_000, forever=True),
    "endless early hints": raw(b"HTTP/1.1 100 Continue\r\n\r\n", forever=True),
    "endless body of an error": raw(b"HTTP/1.1 500 No\r\n\r\n", bytes(1 << 16), forever=True),
    "endless body of a redirect": redirect(FIRST.encode(), bytes(1 << 16), forever=True),
    "redirect to itself": redirect(FIRST.encode()),
    "redirect to half an IPv6 address": redirect(b"http://[::1"),
    "redirect to a file": redirect(b"file:///etc/passwd"),
    "redirect to ftp": redirect(b"ftp://127.0.0.1/x"),
    "redirect to script": redirect(b"javascript:alert(1)"),
    "redirect to data": redirect(b"data:,x"),
    "redirect to nothing": redirect(b""),
    "redirect without a location": reply(b"", status=b"302 Found"),
    "redirect to a port out of range": redirect(b"http://127.0.0.1:99999/x"),
    "redirect to a port that is no number": redirect(b"http://127.0.0.1:abc/x"),
    "redirect to a closed port": redirect(b"http://127.0.0.1:9/x"),
    "redirect to an undecodable host": redirect(b"http://\xff\xfe\xfd/x"),
    "redirect to a host of 300 letters": redirect(b"http://" + b"a" * 300 + b"/x"),
    "redirect to a host with a space": redirect(b"http://a b/x"),
    "redirect to an empty host": redirect(b"http:///x"),
    "redirect to control characters": redirect(b"http://127.0.0.1:9/\x1b[31m\x07"),
    "length that is no number": reply(b"x", b"Content-Length: abc"),
    "negative length": reply(b"x", b"Content-Length: -5"),
    "two lengths": reply(b"x", b"Content-Length: 1", b"Content-Length: 2"),
    "length of thirty digits": reply(b"x", b"Content-Length: " + b"9" * 30),
    "length of ten thousand digits": reply(b"x", b"Content-Length: " + b"9" * 10_000),
    "length too large": reply(b"x" * 50, b"Content-Length: 500"),
    "length too small": reply(gzip.compress(b"x" * 500), b"Content-Length: 5"),
    "chunk size that is no number": reply(b"zz\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    "negative chunk size": reply(b"-5\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    "huge chunk size": reply(b"F" * 20 + b"\r\nabc", b"Transfer-Encoding: chunked"),
    "endless chunk size": raw(CHUNKED, b"0" * 9999, forever=True),
    "chunks cut short": reply(b"5\r\nab", b"Transfer-Encoding: chunked"),
    "unknown transfer encoding": reply(b"x", b"Transfer-Encoding: nonsense"),
    "content encoding that is none": reply(b"no gzip", b"Content-Encoding: gzip"),
    "unknown content encoding": reply(b"x", b"Content-Encoding: nonsense"),
    "gzip bomb as content encoding": bomb_for(b"Content-Encoding: gzip"),
    "gzip bomb ten deep": reply(b"x", b"Content-Encoding: " + b",".join([b"gzip"] * 100)),
    "gzip bomb": bomb_for(),
    "closed at once": raw(b""),
    "reset": reset,
    "closed in the status line": raw(b"HTTP/1."),
    "closed in the header": raw(b"HTTP/1.1 200 OK\r\nA:"),
    "not HTTP": raw(b"220 mail.example.org ESMTP\r\n"),
    "HTTP 9.9": raw(b"HTTP/9.9 200 OK\r\n\r\nx"),
    "status that is no number": raw(b"HTTP/1.1 abc OK\r\n\r\nx"),
    "status of ten digits": raw(b"HTTP/1.1 2000000000 OK\r\n\r\nx"),
    "random bytes": raw(random.Random(0).randbytes(5000)),
    "header with a NUL": reply(b"x", b"A: \0\0"),
    "header without a colon": reply(b"x", b"nonsense"),
    "reason in undecodable bytes": reply(b"x", status=b"500 \xff\xfe"),
    "reason with escape sequences": reply(b"x", status=b"500 \x1b[31mred\x1b]0;title\x07"),
    "reason of a megabyte": reply(b"x", status=b"500 " + b"a" * 60_000),
    "range that nobody asked for": reply(b"x", b"Content-Range: bytes 5-9/10", status=b"206 Partial Content"),
    "range that is nonsense": reply(b"x", b"Content-Range: \xff", status=b"206 Partial Content"),
    "login page": reply(b"<html>Please log in</html>", b"Content-Type: text/html"),
    "empty body": reply(b"", b"Content-Length: 0"),
    "another file": reply(gzip.compress(b"another file")),
    "cookies": reply(b"x", *[b"Set-Cookie: a%d=b" % i for i in range(80)]),
    **{f"status {n}": n for n in (400, 401, 403, 404, 407, 410, 418, 429, 451, 500, 502, 503, 504)},
    **{f"status {n}": reply(b"", status=b"%d No" % n) for n in (204, 300, 304, 305, 600, 999)},
}


CAUSES = {
    "one byte a second in the body": f"slower than 64 KiB in {STALL} s",
    "no answer": f"slower than 64 KiB in {STALL} s",
    "endless body": "more than ",
    "redirect to itself": "more than 10 redirects",
    "closed at once": "no connection, or a broken one",
    "status 404": "the server answered 404 Not Found",
    "status 407": "the proxy requires a password",
    "another file": "its contents do not have the published SHA-256",
}


@pytest.mark.parametrize("case", SERVERS)
def test_server_and_the_cause_in_the_message(settle, serve, case):
    _, url = serve({FIRST: SERVERS[case]})
    message = settle("mnist", url)
    assert f"  {url.rstrip('/')}{FIRST}: {CAUSES.get(case, '')}" in message


def test_a_server_that_is_just_fast_enough_is_left_when_the_time_is_up(settle, serve):
    _, url = serve({FIRST: raw(OK, bytes(1 << 10), pause=0.05, forever=True)})
    assert "not finished in 0.5 s" in settle("mnist", url, stall=5, total=0.5)


# Addresses.


@pytest.mark.parametrize(
    "mirror",
    [
        "ftp://127.0.0.1/",
        "file:///etc/",
        "nonsense",
        "\x1b[31m",
        3,
        None,
        "http://",
        "http://[::1",
        "http://a b/",
        "http://127.0.0.1:9/",
        "http://127.0.0.1:99999/",
        "http://\ud800/",
        "http://" + "a" * 300,
        "http://u:p@127.0.0.1:9/",
    ],
)
def test_address(settle, mirror):
    settle("mnist", mirror)


def test_a_name_that_is_not_found(settle, monkeypatch):
    def not_found(host, *arguments, real=socket.getaddrinfo, **more):
        if host == "mirror.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    assert "the name mirror.invalid was not found: check the connection" in settle("mnist", "http://mirror.invalid/")


def test_a_name_server_that_does_not_answer(settle, monkeypatch):
    over = threading.Event()

    def slow(host, *arguments, real=socket.getaddrinfo, **more):
        if host == "mirror.invalid":
            over.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert "slower than" in settle("mnist", "http://mirror.invalid/")
    over.set()


# Proxies and certificates.


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "answer, cause",
    [
        (None, "no connection to the proxy: correct HTTP_PROXY and HTTPS_PROXY, or unset them"),
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "set HTTP_PROXY and HTTPS_PROXY to",
        ),
        (b"nonsense\r\n\r\n", "no connection"),
        (b"", "no connection"),
        ("silent", "slower than 64 KiB"),
    ],
)
def test_proxy(settle, monkeypatch, scheme, answer, cause):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1] if answer is not None else 9}"
        connections = []

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connections.append(connection)
                if answer != "silent":
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        threading.Thread(target=accept, daemon=True).start()
        monkeypatch.setenv(f"{scheme}_proxy", f"http://someone:secret@{address}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        message = settle("mnist", f"{scheme}://mirror.invalid/")
        assert cause in message
        assert "secret" not in message
        listener.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            connection.close()


@pytest.fixture
def secure(tmp_path_factory, serve):
    """Serve over TLS with a certificate that nobody has signed; return the address and the certificate."""
    if not shutil.which("openssl"):
        pytest.skip("TLS: needs the openssl program")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=folder, check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    def start(files):
        server, url = serve(files)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        return url.replace("http:", "https:"), folder / "cert.pem"

    return start


def test_a_certificate_that_nobody_signed(settle, secure, small_mnist, tmp_path, monkeypatch):
    url, certificate = secure(small_mnist)
    message = settle("mnist", url, stall=5)
    assert "its certificate is not trusted (self-signed certificate)" in message
    assert "set REQUESTS_CA_BUNDLE to the file that holds them" in message
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    fetch("mnist", tmp_path / "advised", mirrors=[url])
    verify("mnist", tmp_path / "advised")


def test_a_certificate_for_another_name(settle, secure, small_mnist, monkeypatch):
    url, certificate = secure(small_mnist)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert "its certificate is not trusted" in settle("mnist", url.replace("127.0.0.1", "localhost"), stall=5)


def test_plain_http_where_tls_is_expected(settle, serve, small_mnist):
    _, url = serve(small_mnist)
    settle("mnist", url.replace("http:", "https:"))


@pytest.mark.parametrize("bundle", ["/nonexistent", __file__])
def test_a_bundle_of_certificates_that_is_none(settle, bundle, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    settle("mnist", "https://127.0.0.1:9/")


# Archives.


def member(name, contents=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(contents)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, contents


def tar_gz(*members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1, format=tarfile.GNU_FORMAT) as archive:
        for info, contents in members:
            archive.addfile(info, io.BytesIO(contents) if info.size else None)
    return stream.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    return member(name, type=kind, linkname=target)


B = "cifar-10-batches-bin/"


def batches(small, **changes):
    return [member(B + name, changes.get(name[:-4], contents)) for name, contents in small.items()]


def tar_bomb(name):
    """Return the gzip of a tar whose one member is 40 million zeros."""
    return gzip.compress(member(name, bytes(40_000_000))[0].tobuf() + bytes(40_000_000), compresslevel=1)


def sparse(name, size):
    """Return the gzip of a tar whose one member claims a size that its file does not have."""
    block = bytearray(member(name, type=tarfile.GNUTYPE_SPARSE)[0].tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    return gzip.compress(bytes(block) + bytes(1024))


def size_field(value):
    """Return the gzip of a tar whose one member says of its size what no file can have."""
    block = bytearray(member("test_batch.bin")[0].tobuf())
    block[124:136] = value
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    return gzip.compress(bytes(block) + bytes(1024))


ESCAPES = {  # what stands beside the published batches, and must not leave the folder
    "a name above the folder": [member("../../outside/escape.bin", b"x")],
    "a batch above the folder": [member("../../../outside/data_batch_4.txt", b"x")],
    "an absolute name": [member("/tmp/enlib-escape/readme", b"x")],
    "a name of Windows": [member("..\\..\\outside\\victim", b"x"), member("C:\\victim", b"x")],
    "a link, and a file through it": [link(B + "up", "../../../../outside"), member(B + "up/victim", b"x")],
    "a link with the name of a batch": [link(B + "data_batch_3.bin", "../../../outside/victim")],
    "a hard link with the name of a batch": [link(B + "data_batch_3.bin", "victim", tarfile.LNKTYPE)],
    "a link, and the batch": [link(B + "data_batch_1.bin", "../../../outside/victim")],
    "a folder with the name of a batch": [member(B + "data_batch_3.bin", type=tarfile.DIRTYPE)],
    "a pipe with the name of a batch": [member(B + "data_batch_3.bin", type=tarfile.FIFOTYPE)],
    "a device with the name of a batch": [member(B + "data_batch_3.bin", type=tarfile.CHRTYPE, devmajor=1)],
    "a file of everybody, with all rights": [member("setuid", b"x", mode=0o7777, uid=0, uname="root")],
    "a name of ten thousand letters": [member("a" * 10_000, b"x")],
    "a name with control characters": [member("\x1b[31m", b"x")],
    "five hundred members": [member(f"m{i}", b"x") for i in range(500)],
    "an unknown type of member": [member("x", b"x", type=b"Z")],
}


@pytest.mark.parametrize("case", ESCAPES)
def test_nothing_escapes_from_an_archive(settle, serve, small_batches, case, tmp_path):
    _, url = serve({ARCHIVE: tar_gz(*ESCAPES[case], *batches(small_batches))})
    settle("cifar10", url, stall=5)


ARCHIVES = {
    "empty": lambda small: b"",
    "no archive": lambda small: b"<html>Please log in</html>",
    "an empty archive": lambda small: tar_gz(),
    "an archive without compression": lambda small: gzip.decompress(tar_gz(*batches(small)))[:-20000],
    "gzip of nothing": lambda small: gzip.compress(b""),
    "gzip of no archive": lambda small: gzip.compress(random.Random(1).randbytes(50_000)),
    "half an archive": lambda small: tar_gz(*batches(small))[:100_000],
    "an archive cut in its last bytes": lambda small: tar_gz(*batches(small))[:-200],
    "a batch less": lambda small: tar_gz(*batches(small)[1:]),
    "no test batch": lambda small: tar_gz(*batches(small)[:-1]),
    "a record less": lambda small: tar_gz(*batches(small, data_batch_1=small["data_batch_1.bin"][3073:])),
    "a byte less": lambda small: tar_gz(*batches(small, data_batch_1=small["data_batch_1.bin"][1:])),
    "a record twice": lambda small: tar_gz(*batches(small, test_batch=small["test_batch.bin"] * 2)),
    "other labels": lambda small: tar_gz(*batches(small, test_batch=b"\1" + small["test_batch.bin"][1:])),
    "another pixel": lambda small: tar_gz(*batches(small, test_batch=small["test_batch.bin"][:5] + b"z" * 61455)),
    "two batches of one name": lambda small: tar_gz(*batches(small), member("x/test_batch.bin", b"x" * 3073)),
    "links in the place of all batches": lambda small: tar_gz(*[link(B + name, "/etc/passwd") for name in small]),
    "a bomb in a batch": lambda small: tar_bomb(B + "data_batch_1.bin"),
    "a bomb in another member": lambda small: tar_bomb("readme"),
    "a sparse bomb": lambda small: sparse(B + "data_batch_1.bin", 8**11 - 1),
    "a sparse bomb of exabytes": lambda small: sparse(B + "data_batch_1.bin", 2**62),
    "a negative size": lambda small: size_field(b"\xff" * 12),
    "a size that is no number": lambda small: size_field(b"nonsense!!!\0"),
    "a size of exabytes": lambda small: size_field(b"\x80" + (2**70).to_bytes(11, "big")),
    "a thousand long names": lambda small: tar_gz(*[member("x" * 200, type=tarfile.GNUTYPE_LONGNAME)] * 1000),
    "a pickle": lambda small: tar_gz(member("cifar-10-batches-py/data_batch_1", b"cos\nsystem\n(S'touch x'\ntR.")),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_archive(settle, serve, small_batches, case):
    _, url = serve({ARCHIVE: ARCHIVES[case](small_batches)})
    assert ARCHIVE in settle("cifar10", url, stall=10)


@pytest.mark.parametrize("seed", range(64))
def test_one_flipped_bit(settle, serve, small_cifar10, seed):
    contents = bytearray(small_cifar10[ARCHIVE])
    rng = random.Random(seed)
    # Every fourth in the first bytes, where the headers of gzip and of the first member are.
    position = rng.randrange(600 if seed % 4 == 0 else len(contents))
    contents[position] ^= 1 << rng.randrange(8)
    _, url = serve({ARCHIVE: bytes(contents)})
    settle("cifar10", url, stall=5)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the memory that Linux reports")
@pytest.mark.parametrize("source, path, case", [("mnist", FIRST, "gzip bomb"), ("cifar10", ARCHIVE, "a sparse bomb")])
def test_a_bomb_takes_no_memory(settle, serve, small_batches, source, path, case):
    import resource

    body = bomb() if source == "mnist" else ARCHIVES[case](small_batches)
    _, url = serve({path: body})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    settle(source, url, stall=10)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes
