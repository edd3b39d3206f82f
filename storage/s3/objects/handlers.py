"""All operations on objects."""

from __future__ import annotations

from collections.abc import Mapping

from storage.s3.objects import (
    complete,
    copies,
    delete,
    describe,
    locks,
    multi_delete,
    multipart,
    parts,
    post,
    read,
    restore,
    tagging,
    write,
)
from storage.s3.routes import Handler
from storage.s3.services import Services

_MODULES = (
    read,
    write,
    copies,
    delete,
    multi_delete,
    describe,
    tagging,
    locks,
    post,
    multipart,
    parts,
    complete,
    restore,
)


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of all operations on objects, by name of the operation."""
    found: dict[str, Handler] = {}
    for module in _MODULES:
        found |= module.handlers(services)
    return found
