"""The errors of IAM and STS, by AWS's codes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "AccessDenied": 403,
        "ConcurrentModification": 409,
        "DeleteConflict": 409,
        "EntityAlreadyExists": 409,
        "ExpiredToken": 403,
        "IncompleteSignature": 403,
        "InternalFailure": 500,
        "InvalidAction": 400,
        "InvalidClientTokenId": 403,
        "InvalidInput": 400,
        "LimitExceeded": 409,
        "MalformedPolicyDocument": 400,
        "MalformedQueryString": 400,
        "MissingAction": 400,
        "MissingAuthenticationToken": 403,
        "NoSuchEntity": 404,
        "PackedPolicyTooLarge": 400,
        "RequestEntityTooLarge": 413,
        "ServiceUnavailable": 503,
        "SignatureDoesNotMatch": 403,
        "UnmodifiableEntity": 400,
        "ValidationError": 400,
    }
)
"""Code → HTTP status."""


class IamError(Exception):
    """A refusal in IAM's or STS's own terms. The client is at fault where the status is below 500.

    Attributes:
        code: one of `STATUS`.
        status: of the HTTP response.
        message: for people.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.status = STATUS[code]
        self.message = message
        super().__init__(f"{code}: {message}")


def no_such(kind: str, name: str) -> IamError:
    """Return the error for what is not there."""
    return IamError("NoSuchEntity", f"The {kind} with name {name} cannot be found.")


def exists(kind: str, name: str) -> IamError:
    """Return the error for a name that is taken."""
    return IamError("EntityAlreadyExists", f"{kind.capitalize()} with name {name} already exists.")


def exceeded(quota: str, most: int) -> IamError:
    """Return the error for more than an account may have."""
    return IamError("LimitExceeded", f"Cannot exceed quota for {quota}: {most}")


def invalid(name: str, value: str, constraint: str) -> IamError:
    """Return the error for a parameter that cannot be."""
    shown = f"Value '{value[:64]}' at '{name[:1].lower() + name[1:]}'"
    return IamError(
        "ValidationError",
        f"1 validation error detected: {shown} failed to satisfy constraint: {constraint}",
    )
