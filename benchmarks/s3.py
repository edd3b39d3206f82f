"""The S3 front door: every request signed (Signature V4), one worker and one device.

GETs are compared with nginx, PUTs with the same PUTs through Swift's door, and signed streaming
with an unsigned payload. What other requests cost stands beside them.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from benchmarks.cloud import Cloud
from benchmarks.load import KIB, MIB, Load, Server, body_of, nginx, program
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.report import Row, comparison, ratio_row, row, take_turns, value_row
from benchmarks.s3_requests import EMPTY_SHA256, UNSIGNED, Signer, packed
from benchmarks.s3_wire import converse, exchange
from benchmarks.store import scratch_folder
from benchmarks.store_listings import fill, name_of

SMALL_BYTES, LARGE_BYTES = 4 * KIB, 64 * MIB
READ_NAMES, WRITE_NAMES = 1000, 20_000
CONNECTIONS = 32
CHUNK_BYTES = 128 * KIB
"""What AWS's own SDKs for Java send."""
LISTS = 200
DELETES = 5
GET_RATIO_MIN = 0.1
GETS_PER_S_MIN = 12_000
PUT_RATIO_MIN = 2 / 3
STREAMING_RATIO_MIN = 0.6
LISTS_PER_S_MIN = 150
MULTI_DELETE_MS_MAX = 150
BUCKET = "bench-s3"


def run(quick: bool) -> list[Row]:
    """Measure everything.

    Raises:
        NotInstalledError: nginx or wrk is missing.
        NoRoomError: the disk is too full.
        RefusedRequestError: the store, or nginx, answered with an error.
    """
    program("wrk", "wrk")
    program("nginx", "nginx")
    with scratch_folder() as folder:
        cloud = Cloud(folder / "data")
        try:
            return _Measurement(cloud, folder, QUICK if quick else FULL).rows()
        finally:
            cloud.stop()


class _Measurement:
    def __init__(self, cloud: Cloud, folder: Path, plan: Plan) -> None:
        self._cloud = cloud
        self._folder = folder
        self._plan = plan
        self._files = itertools.count()

    def rows(self) -> list[Row]:
        self._start()
        exchange(self._cloud.port, self._signer.head("PUT", f"/{BUCKET}"))
        rows = [*self._reads(), *self._small_writes(), *self._large_writes(), *self._others()]
        rows.append(self._multi_delete())
        return [*rows, *self._lists()]

    def _start(self) -> None:
        self._cloud.start()
        credentials = self._cloud.credentials
        self._signer = Signer(
            credentials["AWS_ACCESS_KEY_ID"],
            credentials["AWS_SECRET_ACCESS_KEY"],
            self._cloud.port,
        )

    def _load(self, heads: Iterable[bytes], size_bytes: int = 0) -> Load:
        file = self._folder / f"heads-{next(self._files)}"
        file.write_bytes(packed(heads))
        duration_s = self._plan.duration_s
        return self._cloud.worker.replay(file, CONNECTIONS, duration_s, size_bytes)

    def _reads(self) -> list[Row]:
        static = self._folder / "static"
        static.mkdir()
        body = bytes(body_of(SMALL_BYTES))
        puts = []
        for number in range(READ_NAMES):
            (static / str(number)).write_bytes(body)
            puts.append(self._put_head(f"/{BUCKET}/read-{number}", body) + body)
        converse(self._cloud.port, puts)
        heads = [
            self._signer.head("GET", f"/{BUCKET}/read-{number}") for number in range(READ_NAMES)
        ]

        def reference(server: Server) -> Load:
            duration_s = self._plan.duration_s
            return server.many("GET", "/", CONNECTIONS, duration_s, names=READ_NAMES)

        with nginx(static) as server:
            turns = take_turns(
                self._plan.rounds, lambda: self._load(heads), lambda: reference(server)
            )
        name = f"GET 4 KiB, {CONNECTIONS} connections"
        rates = comparison(turns, lambda load: load.requests_per_s)
        cpu = comparison(turns, lambda load: load.cpu_us)
        is_met = rates.ratio >= GET_RATIO_MIN or rates.value >= GETS_PER_S_MIN
        return [
            row(
                f"{name}, requests/s against nginx",
                rates.value,
                rates.reference,
                ratio=rates.ratio,
                target=f"ratio >= {GET_RATIO_MIN} or {GETS_PER_S_MIN:,}/s",
                ok=is_met,
            ),
            ratio_row("    CPU us of each", cpu),
        ]

    def _put_head(self, path: str, body: bytes) -> bytes:
        sha256 = hashlib.sha256(body).hexdigest()
        return self._signer.head("PUT", path, size_bytes=len(body), sha256=sha256)

    def _small_writes(self) -> list[Row]:
        body = b"x" * SMALL_BYTES
        heads = [self._put_head(f"/{BUCKET}/write-{number}", body) for number in range(WRITE_NAMES)]
        prefixes = (self._cloud.create(f"through-swift-{number}") for number in itertools.count())

        def through_swift() -> Load:
            duration_s = self._plan.duration_s
            return self._cloud.worker.many(
                "PUT", next(prefixes), CONNECTIONS, duration_s, size_bytes=SMALL_BYTES
            )

        turns = take_turns(self._plan.rounds, lambda: self._load(heads, SMALL_BYTES), through_swift)
        name = f"PUT 4 KiB, {CONNECTIONS} connections"
        rates = comparison(turns, lambda load: load.requests_per_s)
        cpu = comparison(turns, lambda load: load.cpu_us)
        return [
            ratio_row(f"{name}, requests/s against Swift's door", rates, at_least=PUT_RATIO_MIN),
            ratio_row("    CPU us of each", cpu),
        ]

    def _large_writes(self) -> list[Row]:
        body = bytes(body_of(LARGE_BYTES))
        path = f"/{BUCKET}/large"
        streamed = self._signer.streamed(path, body, CHUNK_BYTES)
        plain = self._signer.head("PUT", path, size_bytes=len(body), sha256=UNSIGNED) + body

        def rate(request: bytes) -> float:
            begin_s = time.monotonic()
            converse(self._cloud.port, [request] * 4)
            return 4 * LARGE_BYTES / 1e6 / (time.monotonic() - begin_s)

        turns = take_turns(self._plan.files, lambda: rate(streamed), lambda: rate(plain))
        return [
            ratio_row(
                "PUT 64 MiB, 1 connection, MB/s: signed chunks against an unsigned payload",
                comparison(turns, float),
                at_least=STREAMING_RATIO_MIN,
            )
        ]

    def _others(self) -> list[Row]:
        paths = [f"/{BUCKET}/read-{number}" for number in range(READ_NAMES)]
        etag = f'"{hashlib.md5(body_of(SMALL_BYTES)).hexdigest()}"'
        kinds: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
            "GET of 1 KiB of it": ("GET", "", {"Range": "bytes=1024-2047"}),
            "GET that is not modified": ("GET", "", {"If-None-Match": etag}),
            "GetObjectAttributes": (
                "GET",
                "?attributes",
                {"X-Amz-Object-Attributes": "ETag,ObjectSize"},
            ),
            "GetObjectTagging": ("GET", "?tagging", {}),
            "PUT of a copy": ("PUT", "-copy", {"X-Amz-Copy-Source": f"{BUCKET}/read-0"}),
            "CreateMultipartUpload": ("POST", "?uploads", {}),
        }
        rows = []
        for name, (method, suffix, headers) in kinds.items():
            heads = [self._signer.head(method, path + suffix, headers=headers) for path in paths]
            load = self._load(heads)
            rows.append(value_row(f"{name}: CPU us of the worker", load.cpu_us))
        heads = [self._signer.head("GET", f"/{BUCKET}?location") for _ in range(2)]
        rows.append(value_row("GetBucketLocation: CPU us", self._load(heads).cpu_us))
        heads = [self._signer.head("GET", "/") for _ in range(2)]
        rows.append(value_row("ListBuckets: CPU us", self._load(heads).cpu_us))
        return rows

    def _multi_delete(self) -> Row:
        spent_ms = []
        for turn in range(DELETES):
            names = [f"doomed-{turn}-{number}" for number in range(1000)]
            converse(
                self._cloud.port,
                [self._put_head(f"/{BUCKET}/{name}", b"x") + b"x" for name in names],
            )
            keys = "".join(f"<Object><Key>{name}</Key></Object>" for name in names)
            body = f"<Delete><Quiet>true</Quiet>{keys}</Delete>".encode()
            md5 = b64encode(hashlib.md5(body).digest()).decode()
            head = self._signer.head(
                "POST",
                f"/{BUCKET}?delete",
                size_bytes=len(body),
                sha256=hashlib.sha256(body).hexdigest(),
                headers={"Content-MD5": md5},
            )
            begin_s = time.monotonic()
            converse(self._cloud.port, [head + body])
            spent_ms.append(1000 * (time.monotonic() - begin_s))
        middle = sorted(spent_ms)[DELETES // 2]
        return value_row("multi-delete of 1,000 keys, ms", middle, at_most=MULTI_DELETE_MS_MAX)

    def _lists(self) -> list[Row]:
        rows = self._plan.rows
        exchange(self._cloud.port, self._signer.head("PUT", f"/{BUCKET}-long"))
        self._cloud.stop()
        fill(self._cloud, f"{BUCKET}-long", rows)
        self._start()
        names = [name_of(number * (rows // LISTS), rows) for number in range(LISTS - 1)]
        starts = [quote(name, safe="") for name in names]
        heads = [
            self._signer.head(
                "GET", f"/{BUCKET}-long?list-type=2&start-after={start}", sha256=EMPTY_SHA256
            )
            for start in starts
        ]
        load = self._load(heads)
        name = f"ListObjectsV2, pages of 1,000 of {rows:,}"
        return [
            value_row(f"{name}, per s", load.requests_per_s, at_least=LISTS_PER_S_MIN),
            value_row("    CPU us", load.cpu_us),
        ]
