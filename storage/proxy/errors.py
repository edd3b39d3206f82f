"""What can go wrong between a front door and the devices; each names the guilty side.

One table per front door maps these to its protocol's status and code.
"""

from __future__ import annotations


class StoreError(Exception):
    """The base of all that the engine raises on purpose."""


class AccountMissingError(StoreError):
    """There is no such account; the caller's mistake."""


class ContainerMissingError(StoreError):
    """There is no such container, or it was deleted meanwhile; the caller's mistake."""


class ObjectMissingError(StoreError):
    """There is no such object; the caller's mistake."""


class VersionMissingError(ObjectMissingError):
    """The object has no such version; the caller's mistake."""


class LockedError(StoreError):
    """Object lock protects the version from what was asked; the caller's mistake."""


class SealedError(StoreError):
    """The object is encrypted, and its key is not here; the caller may have to bring it."""


class ContainerNotEmptyError(StoreError):
    """A container with objects cannot be deleted; the caller's mistake."""


class PreconditionFailedError(StoreError):
    """What the caller required of the current state is not so; raised by its own condition."""


class EtagMismatchError(StoreError):
    """The payload's MD5 is not the one that the caller announced.

    Attributes:
        etag: of what arrived.
    """

    def __init__(self, etag: str) -> None:
        self.etag = etag
        super().__init__(f"the payload's MD5 is {etag}")


class BodyIncompleteError(StoreError):
    """The caller's body ended before its announced length, or its connection broke."""


class BodyTooLargeError(StoreError):
    """The caller's body is larger than an object may be."""


class StoreFullError(StoreError):
    """The devices have no room left."""


class UnavailableError(StoreError):
    """Too few replicas answered; nothing was changed for sure, or nothing could be read."""


class OutcomeUnknownError(StoreError):
    """Too few replicas confirmed a write: it may have happened. Only a retry tells."""


class PayloadLostError(StoreError):
    """No replica has an undamaged payload; the record is there, its bytes are not."""
