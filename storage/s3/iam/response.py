"""Answers in AWS's Query protocol."""

from __future__ import annotations

from typing import Final

from storage.s3.iam.call import Fields
from storage.s3.iam.errors import IamError
from storage.s3.xml import Content, document

IAM_VERSION: Final = "2010-05-08"
STS_VERSION: Final = "2011-06-15"
NAMESPACES: Final = {
    IAM_VERSION: "https://iam.amazonaws.com/doc/2010-05-08/",
    STS_VERSION: "https://sts.amazonaws.com/doc/2011-06-15/",
}
"""Version of an API → namespace of its answers."""


def answer_document(action: str, version: str, result: Fields, request_id: str) -> bytes:
    """Return the XML document that answers a call.

    Args:
        action: that was called.
        version: of the API.
        result: what the result's element holds.
        request_id: as in the header x-amzn-RequestId.
    """
    content: list[tuple[str, Content]] = [
        (f"{action}Result", result),
        ("ResponseMetadata", [("RequestId", request_id)]),
    ]
    return document(f"{action}Response", content, namespace=NAMESPACES[version])


def error_document(error: IamError, version: str, request_id: str) -> bytes:
    """Return the XML document that tells a client of an error."""
    fault: Fields = [
        ("Type", "Sender" if error.status < 500 else "Receiver"),
        ("Code", error.code),
        ("Message", error.message),
    ]
    content: Fields = [("Error", fault), ("RequestId", request_id)]
    return document("ErrorResponse", content, namespace=NAMESPACES[version])
