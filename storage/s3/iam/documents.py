"""The policy documents that clients send: checked for form, meaning and size."""

from __future__ import annotations

import re

from storage.s3.iam.errors import IamError, exceeded
from storage.s3.iam.parameters import Parameters
from storage.s3.policy import Kind, PolicyError, parse_policy

_WHITE_SPACE = re.compile(r"\s+")


def size_of(text: str) -> int:
    """Return the size of a document as limits count it: characters that are no white space."""
    return len(_WHITE_SPACE.sub("", text))


def read_document(
    parameters: Parameters, name: str, size_max: int, kind: Kind = Kind.IDENTITY
) -> str:
    """Return a document that a request brings.

    Args:
        parameters: of the request.
        name: of the parameter.
        size_max: see `size_of`.
        kind: what it is to be attached to.

    Raises:
        IamError: ValidationError, MalformedPolicyDocument, LimitExceeded.
    """
    text = parameters.required(name)
    if size_of(text) > size_max:
        raise exceeded("PolicySize", size_max)
    check_document(text, kind)
    return text


def check_document(text: str, kind: Kind = Kind.IDENTITY) -> None:
    """Check that a document is a policy.

    Raises:
        IamError: MalformedPolicyDocument.
    """
    try:
        parse_policy(text, kind)
    except PolicyError as error:
        raise IamError("MalformedPolicyDocument", str(error)) from error
