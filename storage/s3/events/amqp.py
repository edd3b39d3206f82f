"""An exchange of an AMQP 0-9-1 server, such as RabbitMQ, that events are published to.

The library blocks, so it works in a thread; every wait for the server has a deadline.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import amqp
import trio

from atoll.world import World
from storage.s3.events.errand import ErrandFailedError

PORTS = {"amqp": 5672, "amqps": 5671}
_PERSISTENT = 2
_FAILURES = (OSError, amqp.AMQPError, amqp.exceptions.MessageNacked)


class AmqpTarget:
    """Publishes events, and waits until the server confirms that it has them.

    Args:
        world: threads.
        url: `amqp[s]://[user:password@]host[:port]/[virtual-host]?exchange=name&routing_key=key`.
            With `exchange_type=fanout` (or another) the exchange is declared, as a durable one;
            else it must be there. With `mandatory=on` an event that no queue takes is one that
            was not delivered.
        timeout_s: of each wait for the server.
    """

    def __init__(self, world: World, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._threads = world.threads
        self._exchange = query.get("exchange", "")
        self._exchange_type = query.get("exchange_type", "")
        self._routing_key = query.get("routing_key", "")
        self._is_mandatory = query.get("mandatory") == "on"
        self._timeout_s = timeout_s
        host = parts.hostname or ""
        self._address = f"{host}:{parts.port or PORTS[parts.scheme]}"
        self._login = {
            "host": self._address,
            "userid": unquote(parts.username or "guest"),
            "password": unquote(parts.password or "guest"),
            "login_method": "PLAIN",
            "virtual_host": unquote(parts.path[1:]) or "/",
            "ssl": parts.scheme == "amqps"
            and {"context": {"check_hostname": True}, "server_hostname": host},
            "confirm_publish": True,
            "connect_timeout": timeout_s,
            "write_timeout": timeout_s,
        }
        self._lock = trio.Lock()
        self._connection: Any = None
        self._channel: Any = None

    async def send(self, message: bytes) -> None:
        """Publish an event. On cancel: what was begun is ended first, well or by its deadline."""
        async with self._lock:
            try:
                await self._threads.run(self._publish, message)
            except _FAILURES as error:
                await self._threads.run(self._disconnect)
                reason = str(error) or type(error).__name__
                raise ErrandFailedError(f"{self._address}: {reason}") from error

    async def aclose(self) -> None:
        """Close the connection."""
        async with self._lock:
            await self._threads.run(self._disconnect)

    def _publish(self, message: bytes) -> None:
        if self._connection is None:
            self._connect()
        self._channel.basic_publish(
            amqp.Message(message, content_type="application/json", delivery_mode=_PERSISTENT),
            exchange=self._exchange,
            routing_key=self._routing_key,
            mandatory=self._is_mandatory,
            timeout=self._timeout_s,
        )

    def _connect(self) -> None:
        self._connection = amqp.Connection(**self._login)
        self._connection.connect()
        self._connection.sock.settimeout(self._timeout_s)
        self._channel = self._connection.channel()
        if self._exchange_type:
            self._channel.exchange_declare(
                self._exchange, self._exchange_type, durable=True, auto_delete=False
            )

    def _disconnect(self) -> None:
        """Drop the connection: what the server still has to say would be taken for another's."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()
