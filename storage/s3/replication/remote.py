"""A bucket of another store, asked by S3's API with requests signed by Signature Version 4."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from hashlib import sha256
from urllib.parse import parse_qs, quote, unquote, urlsplit

from typing_extensions import Buffer

from atoll.world import World
from storage.http.client import HttpClient, HttpFailedError
from storage.s3.dates import iso
from storage.s3.events.errand import ErrandFailedError, ErrandRefusedError
from storage.s3.signing.credential import Credential, sign
from storage.timestamp import at_milliseconds

_NS_PER_MS = 1_000_000
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SAFE = "-._~"
_REFUSALS = frozenset((400, 405, 409, 411, 412, 413, 414, 501))
"""Of a request as it is; 403, say, is of all of them, until the operator mends it."""


class RemoteBucket:
    """A bucket that objects are sent to.

    Args:
        world: clock and network.
        url: `http[s]://ACCESS_KEY:SECRET@host[:port]/bucket[?region=name]`.
        timeout_s: of a request, or of a piece of a long body.
    """

    def __init__(self, world: World, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._clock = world.clock
        self._client = HttpClient(world, url, timeout_s)
        self._access_key, self._secret = (
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )
        self._path = "/" + parts.path.strip("/")
        self._region = parse_qs(parts.query).get("region", ["us-east-1"])[0]

    async def ask(
        self,
        method: str,
        key: str,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterable[Buffer] = b"",
        size_bytes: int | None = None,
    ) -> int:
        """Ask for something about an object. On cancel: whether it was done is unknown.

        Args:
            method: of HTTP.
            key: name of the object.
            query: a sub-resource, or nothing.
            headers: by lower-case name.
            body: bytes, or pieces of them.
            size_bytes: of a body in pieces.

        Returns:
            The status: of the 200s, or 404.

        Raises:
            ErrandRefusedError: the other store does not want this request.
            ErrandFailedError: it may not have been done.
        """
        path = f"{self._path}/{quote(key, safe='/' + _SAFE)}"
        signed = self._sign(method, path, query, dict(headers or {}))
        target = f"{path}?{query}" if query else path
        try:
            answer = await self._client.request(method, target, signed, body, size_bytes)
        except HttpFailedError as error:
            raise ErrandFailedError(str(error)) from error
        if answer.status != 404 and not 200 <= answer.status < 300:
            reason = answer.body[:500].decode("utf-8", "replace")
            failure = ErrandRefusedError if answer.status in _REFUSALS else ErrandFailedError
            raise failure(f"{self._client.host} answered {answer.status}: {reason}")
        return answer.status

    def _sign(
        self, method: str, path: str, query: str, headers: dict[str, str]
    ) -> Iterable[tuple[str, str]]:
        """Return the headers with those that sign the request."""
        now = at_milliseconds(self._clock.wall_ns() // _NS_PER_MS)
        timestamp = iso(now)[:19].replace("-", "").replace(":", "") + "Z"
        date = timestamp[:8]
        headers |= {"x-amz-content-sha256": _UNSIGNED, "x-amz-date": timestamp}
        signed = {**headers, "host": self._client.host}
        names = ";".join(sorted(signed))
        canonical_query = f"{query}=" if query else ""
        lines = [f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed)]
        canonical = "\n".join((method, path, canonical_query, "".join(lines), names, _UNSIGNED))
        scope = f"{date}/{self._region}/s3/aws4_request"
        digest = sha256(canonical.encode("latin-1")).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
        credential = Credential(self._access_key, scope.encode(), date.encode(), self._region, "s3")
        signature = sign(self._secret, credential, text.encode()).decode("ascii")
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return headers.items()


def check_remotes(targets: Mapping[str, str]) -> str | None:
    """Return what is wrong with remote buckets as the operator set them up, or nothing."""
    for arn, url in targets.items():
        parts = urlsplit(url)
        if not arn.startswith("arn:"):
            return "must have names that begin with arn:"
        if parts.scheme not in ("http", "https") or not parts.hostname or not parts.username:
            return "must be URLs as https://ACCESS_KEY:SECRET@host/bucket"
        if not parts.path.strip("/") or "/" in parts.path.strip("/"):
            return "must name one bucket in their path"
    return None
