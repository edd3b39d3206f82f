"""What no client should send: a 4xx or a closed connection, nothing stored, nothing left behind."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from raw_http import RawConnection, exchange
from running_cloud import RunningCloud, wait_for
from stopped_device import stopped_device
from swift_client import Login, SwiftClient, log_in

pytestmark = pytest.mark.slow

OBJECT_SIZE_BYTES_MAX = 1_000_000
FLAGS = ("--workers", "1", "--set", f"storage.object_size_bytes_max={OBJECT_SIZE_BYTES_MAX}")
OLD = b"what was there"
INLINE_SIZE_BYTES, FILE_SIZE_BYTES = 2_000, 300_000

CHUNKED = b"Transfer-Encoding: chunked\r\n"
THREE = b"Content-Length: 3\r\n"

# Requests that are wrong as HTTP, and the statuses that may answer them.
MALFORMED: list[tuple[str, bytes, set[int]]] = [
    ("no request line", b"GARBAGE\r\n\r\n", {400}),
    ("two spaces", b"GET  /info HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    ("no version", b"GET /info\r\nHost: x\r\n\r\n", {400}),
    ("unknown version", b"GET /info HTTP/7.3\r\nHost: x\r\n\r\n", {400, 505}),
    ("no host", b"GET /info HTTP/1.1\r\n\r\n", {400}),
    ("two hosts", b"GET /info HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    ("control character", b"GET /in\x01fo HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    ("NUL in a value", b"GET /info HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", {400}),
    ("no colon", b"GET /info HTTP/1.1\r\nHost: x\r\nnocolon\r\n\r\n", {400}),
    ("space before the colon", b"GET /info HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", {400}),
    ("folded line", b"GET /info HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", {400}),
    ("long line", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}),
    ("long header", b"GET /info HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", {431}),
    ("many headers", b"GET /info HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 2000 + b"\r\n", {431}),
    ("head cut", b"GET /info HTTP/1.1\r\nHost: x\r\nA", {400}),
    ("TLS", bytes.fromhex("160301020001000" + "1fc0303" + "00" * 40), {400}),
]

# What a PUT of an object says wrong: headers, body, statuses.
WRONG_PUTS: list[tuple[str, bytes, bytes, set[int]]] = [
    ("no length", b"", b"", {411}),
    ("length of letters", b"Content-Length: abc\r\n", b"abc", {400}),
    ("negative length", b"Content-Length: -1\r\n", b"abc", {400}),
    ("signed length", b"Content-Length: +3\r\n", b"abc", {400}),
    ("two lengths", THREE + b"Content-Length: 4\r\n", b"abcd", {400}),
    ("huge length", b"Content-Length: 99999999999999999999\r\n", b"abc", {400, 413}),
    ("too large", b"Content-Length: 1000001\r\n", b"", {413}),
    ("length and chunks", THREE + CHUNKED, b"0\r\n\r\n", {400}),
    ("unknown coding", b"Transfer-Encoding: gzip\r\n", b"abc", {400, 501}),
    ("coding after chunks", b"Transfer-Encoding: chunked, gzip\r\n", b"abc", {400, 501}),
    ("chunk size of letters", CHUNKED, b"xyz\r\nabc\r\n0\r\n\r\n", {400}),
    ("negative chunk", CHUNKED, b"-3\r\nabc\r\n0\r\n\r\n", {400}),
    ("empty chunk size", CHUNKED, b"\r\nabc\r\n0\r\n\r\n", {400}),
    ("huge chunk", CHUNKED, b"f" * 20 + b"\r\nabc", {400, 413}),
    ("chunk without end", CHUNKED, b"3\r\nabcdef\r\n0\r\n\r\n", {400}),
    ("long chunk line", CHUNKED, b"3;" + b"a" * 9000 + b"\r\nabc\r\n", {400}),
    ("unknown expectation", THREE + b"Expect: more\r\n", b"abc", {417}),
    ("wrong ETag", THREE + b"ETag: " + b"0" * 32 + b"\r\n", b"abc", {422}),
    ("time that has passed", THREE + b"X-Delete-At: 1000\r\n", b"abc", {400}),
    ("no time", THREE + b"X-Delete-At: soon\r\n", b"abc", {400}),
    ("negative time", THREE + b"X-Delete-After: -5\r\n", b"abc", {400}),
    ("long metadata", THREE + b"X-Object-Meta-A: " + b"b" * 300 + b"\r\n", b"abc", {400}),
    ("must not be there", THREE + b"If-None-Match: *\r\n", b"abc", {412}),
    ("no such source", b"Content-Length: 0\r\nX-Copy-From: /none/none\r\n", b"", {404}),
    ("body cut", b"Content-Length: 10\r\n", b"abc", {400, 408, 499}),
    ("chunks cut", CHUNKED, b"3\r\nabc\r\n", {400, 408, 499}),
]

# Paths below the account that name nothing.
WRONG_PATHS: list[tuple[str, set[int]]] = [
    ("/c/%ff%fe", {400, 412}),
    ("/c/%00", {400, 412}),
    ("/%ff/o", {400, 412}),
    ("/c/" + "a" * 1025, {400}),
    ("/" + "a" * 257 + "/o", {400, 404}),
    ("/none/o", {404}),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningCloud, Login]]:
    """A cloud with one object, for all bad input there is."""
    cloud = RunningCloud(tmp_path_factory.mktemp("bad") / "data")
    try:
        cloud.start(*FLAGS)
        login = log_in(cloud)
        with SwiftClient(cloud, login) as client:
            assert client.put("/c").status == 201
            assert client.put("/c/o", OLD, X_Object_Meta_Colour="red").status == 201
        yield cloud, login
        assert cloud.stop() == 0
        with stopped_device(cloud) as device:
            assert device.named_files() == cloud.payload_files() == set()
            assert device.audit().failures == []
        assert cloud.surprises() == []
    finally:
        cloud.end()


@contextmanager
def unchanged(cloud: RunningCloud, login: Login) -> Iterator[None]:
    """See that a block changes nothing that is stored, and leaves no descriptor open."""
    with SwiftClient(cloud, login) as client:
        before = _state(client)
        descriptors = _descriptors(cloud)
        yield
        wait_for(lambda: _descriptors(cloud) <= descriptors)
        assert _state(client) == before
    assert cloud.payload_files() == set()
    assert cloud.role("worker-0")["deaths"] == 0


def _state(client: SwiftClient) -> object:
    answer, head = client.get("/c/o"), client.head("/c")
    return (
        answer.body,
        answer.headers["x-timestamp"],
        answer.headers["x-object-meta-colour"],
        client.listing("/c"),
        client.listing(""),
        head.headers["x-container-object-count"],
    )


def _descriptors(cloud: RunningCloud) -> int:
    """Return how many connections and payload files the worker has open."""
    folder = f"/proc/{cloud.pid('worker-0')}/fd"
    links = []
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):
            links.append(os.readlink(f"{folder}/{name}"))
    return sum(link.startswith("socket:") or "/payload/" in link for link in links)


def put_head(login: Login, headers: bytes, path: str = "/c/o") -> bytes:
    """Return the head of a PUT."""
    start = f"PUT {login.path}{path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {login.token}\r\n"
    return start.encode() + headers + b"\r\n"


def test_malformed_requests(shared: tuple[RunningCloud, Login]) -> None:
    cloud, login = shared
    with unchanged(cloud, login):
        for name, data, expected in MALFORMED:
            found = exchange(cloud, data)
            assert len(found) == 1, name
            assert found[0] in expected, name


def test_wrong_puts(shared: tuple[RunningCloud, Login]) -> None:
    cloud, login = shared
    with unchanged(cloud, login):
        for name, headers, body, expected in WRONG_PUTS:
            found = exchange(cloud, put_head(login, headers) + body)
            assert found[0] in expected, (name, found)
            assert set(found[1:]) <= {400}, (name, found)


def test_wrong_paths(shared: tuple[RunningCloud, Login]) -> None:
    cloud, login = shared
    with unchanged(cloud, login):
        for path, expected in WRONG_PATHS:
            head = put_head(login, b"Content-Length: 3\r\nConnection: close\r\n", path)
            found = exchange(cloud, head + b"abc")
            assert len(found) == 1, path
            assert found[0] in expected, (path, found)


def test_a_body_that_grows_over_the_limit(shared: tuple[RunningCloud, Login]) -> None:
    cloud, login = shared
    with unchanged(cloud, login), RawConnection(cloud) as connection:
        connection.send(put_head(login, b"Transfer-Encoding: chunked\r\n"))
        for _ in range(OBJECT_SIZE_BYTES_MAX // 50_000 + 1):
            connection.send(b"c350\r\n" + bytes(50_000) + b"\r\n")
        assert connection.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_what_follows_a_body_is_the_next_request(shared: tuple[RunningCloud, Login]) -> None:
    cloud, login = shared
    with unchanged(cloud, login):
        head = put_head(login, b"Content-Length: 3\r\n", "/c/longer")
        assert exchange(cloud, head + b"abc and more") == [201, 400]
        with SwiftClient(cloud, login) as client:
            assert client.get("/c/longer").body == b"abc"
            assert client.delete("/c/longer").status == 204


@pytest.mark.parametrize("size_bytes", [INLINE_SIZE_BYTES, FILE_SIZE_BYTES])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/c/o", "/c/never"])
def test_connections_cut_in_an_upload(
    shared: tuple[RunningCloud, Login], size_bytes: int, chunked: bool, path: str
) -> None:
    cloud, login = shared
    length = f"Content-Length: {size_bytes}\r\n".encode()
    head = put_head(login, b"Transfer-Encoding: chunked\r\n" if chunked else length, path)
    body = random.Random(size_bytes).randbytes(size_bytes)
    if chunked:
        half = size_bytes // 2
        pieces = (body[:half], body[half:])
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    with unchanged(cloud, login):
        for cut in (0, 1, size_bytes // 2, len(body) - 1):
            for is_reset in (False, True):
                with RawConnection(cloud) as connection:
                    connection.send(head + body[:cut])
                    if is_reset:
                        connection.reset()
                        continue
                    connection.finish()
                    assert b" 20" not in connection.receive_all()[:16]


def test_noise(shared: tuple[RunningCloud, Login]) -> None:
    cloud, login = shared
    rng = random.Random(1)
    right = put_head(login, b"Content-Length: 3\r\n") + b"abc"
    with unchanged(cloud, login):
        for _ in range(60):
            data = bytearray(right if rng.random() < 0.7 else rng.randbytes(300))
            end = data.find(login.token.encode())  # a change after it could be a right request
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(end if end > 0 else len(data))] = rng.randrange(256)
            found = exchange(cloud, bytes(data))
            assert all(400 <= status < 500 or status in (501, 505) for status in found), data


OTHER_USER = """
[[user]]
name = "other:admin"
key = "other key"
account = "AUTH_other"
roles = ["admin"]
"""


def test_tokens_of_others_open_nothing(cloud: RunningCloud) -> None:
    cloud.start(*FLAGS)
    login = log_in(cloud)
    with SwiftClient(cloud, login) as client:
        client.put("/c")
        client.put("/c/o", OLD, X_Object_Meta_Colour="red")
        assert cloud.stop() == 0
        users = cloud.storage.users
        users.write_text(users.read_text() + OTHER_USER)
        cloud.start(*FLAGS)
        other = log_in(cloud, "other:admin", "other key")
        assert other.path == "/v1/AUTH_other"
        tampered = login.token[:-1] + ("A" if login.token[-1] != "A" else "B")
        with unchanged(cloud, login):
            for token, expected in ((other.token, 403), (tampered, 401), ("nonsense", 401)):
                with SwiftClient(cloud, Login(login.path, token)) as thief:
                    found = _try_everything(thief)
                assert set(found) == {expected}, (token, found)
        with SwiftClient(cloud, other) as thief:
            assert thief.put("/mine").status == 201
            copied = thief.put("/mine/o", X_Copy_From="/c/o", X_Copy_From_Account="AUTH_demo")
            assert copied.status == 403
            assert thief.listing("/mine") == []


def _try_everything(client: SwiftClient) -> list[int]:
    found = []
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        for path in ("", "/c", "/c/o", "/c/new", "/new"):
            if (method, path) != ("PUT", ""):
                body = b"new" if method in ("PUT", "POST") else b""
                found.append(client.request(method, path, body).status)
    found.append(client.request("COPY", "/c/o", headers={"Destination": "/c/new"}).status)
    return found
