"""The Swift front door's operations on many objects: bulk, and static large objects."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.cloud import Cloud
from benchmarks.load import HOST, KIB, RefusedRequestError
from benchmarks.report import Row, value_row
from benchmarks.store import scratch_folder

FILES, FILE_BYTES = 10_000, KIB
SEGMENTS, SEGMENT_BYTES = 1000, KIB
RANGES = 200
PUTS_SAMPLE = 2000
BULK_RATIO_MIN = 5.0
BULK_DELETE_S_MAX = 2.0
MANIFEST_PUT_S_MAX = 1.0
FIRST_BYTE_MS_MAX = 10.0
_TIMEOUT_S = 120.0


def run(quick: bool) -> list[Row]:
    """Measure everything.

    Args:
        quick: a tenth of the files.

    Raises:
        RefusedRequestError: the store answered with an error.
    """
    with scratch_folder() as folder:
        cloud = Cloud(folder / "data")
        try:
            cloud.start()
            files = FILES // 10 if quick else FILES
            return [*_bulk(cloud, files), *_static_large(cloud)]
        finally:
            cloud.stop()


class _Client:
    """One connection with a token."""

    def __init__(self, cloud: Cloud) -> None:
        self._connection = http.client.HTTPConnection(HOST, cloud.port, timeout=_TIMEOUT_S)
        self._token = cloud.worker.headers

    def __call__(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Send a request; return the body of the response.

        Raises:
            RefusedRequestError: it is an error.
        """
        self._connection.request(method, path, body, {**self._token, **(headers or {})})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RefusedRequestError(f"{method} {path}: {response.status} {answer[:200]!r}")
        return answer

    def first_byte_s(self, path: str, span: str) -> float:
        """Return how long the first byte of a range takes."""
        begin_s = time.perf_counter()
        self._connection.request("GET", path, headers={**self._token, "Range": span})
        response = self._connection.getresponse()
        response.read(1)
        spent_s = time.perf_counter() - begin_s
        if response.status != 206:
            raise RefusedRequestError(f"GET {path}: {response.status}")
        response.read()
        return spent_s

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def _client(cloud: Cloud) -> Iterator[_Client]:
    client = _Client(cloud)
    try:
        yield client
    finally:
        client.close()


def _bulk(cloud: Cloud, files: int) -> list[Row]:
    path = cloud.create("bench-bulk")
    one_by_one = cloud.create("bench-single")
    archive = _archive(files)
    with _client(cloud) as client:
        sample = min(files, PUTS_SAMPLE)
        begin_s = time.perf_counter()
        for number in range(sample):
            client("PUT", f"{one_by_one}{number}", b"x" * FILE_BYTES)
        single_s = (time.perf_counter() - begin_s) * files / sample
        begin_s = time.perf_counter()
        report = client("PUT", f"{path}?extract-archive=tar", archive, _JSON)
        upload_s = time.perf_counter() - begin_s
        _check(report, "Number Files Created", files)
        container = path.rstrip("/").rpartition("/")[2]
        names = "\n".join(f"{container}/{number}" for number in range(files)).encode()
        begin_s = time.perf_counter()
        report = client("POST", f"{cloud.account}?bulk-delete", names, _JSON | _PLAIN)
        delete_s = time.perf_counter() - begin_s
        _check(report, "Number Deleted", files)
    return [
        value_row(f"bulk upload of {files:,} files of 1 KiB, s", upload_s),
        value_row(
            "    times as fast as PUTs on one connection",
            single_s / upload_s,
            at_least=BULK_RATIO_MIN,
        ),
        value_row(f"bulk delete of {files:,}, s", delete_s, at_most=BULK_DELETE_S_MAX),
    ]


_JSON = {"Accept": "application/json"}
_PLAIN = {"Content-Type": "text/plain"}


def _archive(files: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number in range(files):
            member = tarfile.TarInfo(str(number))
            member.size = FILE_BYTES
            tar.addfile(member, io.BytesIO(b"x" * FILE_BYTES))
    return buffer.getvalue()


def _check(report: bytes, count: str, expected: int) -> None:
    told = json.loads(report)
    if told[count] != expected:
        raise RefusedRequestError(f"{count}: {told[count]}, {told['Errors'][:3]}")


def _static_large(cloud: Cloud) -> list[Row]:
    path, segments = cloud.create("bench-slo"), cloud.create("bench-segments")
    body = b"s" * SEGMENT_BYTES
    etag = hashlib.md5(body).hexdigest()
    container = segments.rstrip("/").rpartition("/")[2]
    entries = [
        {"path": f"{container}/{number:05d}", "etag": etag, "size_bytes": SEGMENT_BYTES}
        for number in range(SEGMENTS)
    ]
    manifest = json.dumps(entries).encode()
    with _client(cloud) as client:
        for number in range(SEGMENTS):
            client("PUT", f"{segments}{number:05d}", body)
        puts_s = []
        for turn in range(5):
            begin_s = time.perf_counter()
            client("PUT", f"{path}large-{turn}?multipart-manifest=put", manifest)
            puts_s.append(time.perf_counter() - begin_s)
        whole_bytes = SEGMENTS * SEGMENT_BYTES
        waits_s = []
        for turn in range(RANGES):
            start = turn * 4999 % (whole_bytes - 2 * KIB)
            span = f"bytes={start}-{start + 2 * KIB - 1}"
            waits_s.append(client.first_byte_s(f"{path}large-{turn % 5}", span))
        begin_s = time.perf_counter()
        client("GET", f"{path}large-0")
        read_s = time.perf_counter() - begin_s
    middle_s, slow_s = sorted(puts_s)[2], sorted(waits_s)[RANGES * 99 // 100]
    return [
        value_row("SLO of 1,000 segments: put, s", middle_s, at_most=MANIFEST_PUT_S_MAX),
        value_row(
            "    first byte of a ranged GET, ms, 99 %", 1000 * slow_s, at_most=FIRST_BYTE_MS_MAX
        ),
        value_row("    the first of all, its manifest unread, ms", 1000 * waits_s[0]),
        value_row("    all of it (1,000 KiB), s", read_s),
    ]
