"""Signs temporary URLs and forms as clients do, written after Swift's documentation."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote

from swift_harness import Swift

KEY = "mykey"
OTHER_KEY = "my other key"


def now_s(swift: Swift) -> int:
    return swift.memory.world.clock.wall_ns() // 1_000_000_000


def sign_url(
    now: int,
    method: str,
    path: str,
    *,
    key: str = KEY,
    algorithm: str = "sha256",
    lifetime_s: int = 60,
    prefix: str | None = None,
    ip_range: str = "",
) -> str:
    """Return a query string; a path with a prefix ends where the prefix begins."""
    expires = now + lifetime_s
    signed = path if prefix is None else f"prefix:{path}{prefix}"
    message = f"{method}\n{expires}\n{signed}"
    query = ""
    if ip_range:
        message = f"ip={ip_range}\n{message}"
        query += f"&temp_url_ip_range={quote(ip_range, safe='')}"
    if prefix is not None:
        query += f"&temp_url_prefix={quote(prefix)}"
    digest = hmac.new(key.encode(), message.encode(), getattr(hashlib, algorithm)).hexdigest()
    return f"temp_url_sig={digest}&temp_url_expires={expires}{query}"


def sign_form(path: str, fields: dict[str, str], key: str = KEY, algorithm: str = "sha256") -> str:
    """Return the signature of a form."""
    names = ("redirect", "max_file_size", "max_file_count", "expires")
    message = "\n".join([path, *(fields.get(name, "") for name in names)])
    return hmac.new(key.encode(), message.encode(), getattr(hashlib, algorithm)).hexdigest()
