"""Where events go: what the operator set up under the names that configurations use."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import unquote, urlsplit

from atoll.world import World
from storage.http.client import HttpClient, HttpFailedError
from storage.s3.events.amqp import AmqpTarget
from storage.s3.events.errand import ErrandFailedError
from storage.s3.events.redis import RedisTarget


class Target(Protocol):
    """Takes events."""

    async def send(self, message: bytes) -> None:
        """Hand over an event. On cancel: whether it was is unknown.

        Raises:
            ErrandFailedError: it may not have been.
        """

    async def aclose(self) -> None:
        """Close the connection; the next event opens another one."""


class Webhook:
    """A URL that events are posted to; any answer of the 200s says that it has them.

    Args:
        world: network.
        url: http or https; a user and password in it are sent as basic authentication.
        timeout_s: of one event.
    """

    def __init__(self, world: World, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._client = HttpClient(world, url, timeout_s)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = [("Content-Type", "application/json"), ("User-Agent", "Atoll")]
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            token = b64encode(pair.encode()).decode("ascii")
            self._headers.append(("Authorization", f"Basic {token}"))

    async def send(self, message: bytes) -> None:
        """Post an event."""
        try:
            answer = await self._client.request("POST", self._path, self._headers, message)
        except HttpFailedError as error:
            raise ErrandFailedError(str(error)) from error
        if not 200 <= answer.status < 300:
            raise ErrandFailedError(f"{self._client.host} answered {answer.status}")

    async def aclose(self) -> None:
        """Close the connection."""
        await self._client.aclose()


_KINDS: Mapping[str, type[Webhook] | type[RedisTarget] | type[AmqpTarget]] = {
    "amqp": AmqpTarget,
    "amqps": AmqpTarget,
    "http": Webhook,
    "https": Webhook,
    "redis": RedisTarget,
}


def check_targets(targets: Mapping[str, str]) -> str | None:
    """Return what is wrong with targets as the operator set them up, or nothing."""
    for arn, url in targets.items():
        if not arn.startswith("arn:"):
            return "must have names that begin with arn:"
        if urlsplit(url).scheme not in _KINDS or not urlsplit(url).hostname:
            return f"must be URLs of {', '.join(sorted(_KINDS))}"
    return None


def make_target(world: World, url: str, timeout_s: float) -> Target:
    """Return the target at a URL that `check_targets` found nothing wrong with."""
    return _KINDS[urlsplit(url).scheme](world, url, timeout_s)
