"""The two ids by which a response can be found again: x-amz-request-id and x-amz-id-2."""

from __future__ import annotations

from base64 import b64encode

from atoll.world import World

_PREFIX_BYTES = 4
_COUNTER_BITS = 32
_HOST_ID_BYTES = 24


class RequestIds:
    """Draws the ids of one process.

    Args:
        world: a random prefix tells this process's ids from all others.

    Attributes:
        host_id: names the process; the value of x-amz-id-2.
        headers: that are the same in all responses of the process.
    """

    def __init__(self, world: World) -> None:
        self._prefix = world.random.randbytes(_PREFIX_BYTES).hex().upper()
        self._count = 0
        self.host_id = b64encode(world.random.randbytes(_HOST_ID_BYTES)).decode("ascii")
        self.headers = (
            (b"x-amz-id-2", self.host_id.encode("ascii")),
            (b"Server", b"Atoll"),
        )

    def draw(self) -> str:
        """Return a new id: 16 hexadecimal digits in capitals."""
        self._count = (self._count + 1) & ((1 << _COUNTER_BITS) - 1)
        return f"{self._prefix}{self._count:08X}"
