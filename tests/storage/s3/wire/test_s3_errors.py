"""Errors: the table is whole, and clients read the documents."""

from __future__ import annotations

import botocore.parsers
import botocore.session
import pytest

from storage.s3.errors import ERRORS, S3Error, error_document


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_has_a_status_and_a_message(code: str) -> None:
    error = S3Error(code)
    assert error.status in (301, 304, 307) or 400 <= error.status < 600
    assert error.message
    assert str(error) == f"{code}: {error.message}"


def test_an_unknown_code_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        S3Error("NoSuchCode")


def test_documents() -> None:
    error = S3Error("NoSuchKey", Key="a&b\x01", details={"X-Amz-Expires": 5})
    assert error_document(error, "/b/a", "request", "host") == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>"
        b"<X-Amz-Expires>5</X-Amz-Expires><Key>a&amp;b&#x1;</Key><Resource>/b/a</Resource>"
        b"<RequestId>request</RequestId><HostId>host</HostId></Error>"
    )
    assert b"<Resource>" not in error_document(error, "", "request", "host")


def test_what_a_request_may_change() -> None:
    error = S3Error("MethodNotAllowed", "Not here.", status=400, headers=((b"allow", b"GET"),))
    assert (error.status, error.message, error.headers) == (400, "Not here.", ((b"allow", b"GET"),))


def test_botocore_reads_errors() -> None:
    error = S3Error("AuthorizationHeaderMalformed", "the region is wrong", Region="eu-west-1")
    model = botocore.session.get_session().get_service_model("s3")
    shape = model.operation_model("GetObject").output_shape
    body = error_document(error, "/b/k", "request", "host")
    response = {"status_code": error.status, "headers": {}, "body": body}
    parsed = botocore.parsers.create_parser("rest-xml").parse(response, shape)
    assert parsed["Error"] == {
        "Code": "AuthorizationHeaderMalformed",
        "Message": "the region is wrong",
        "Region": "eu-west-1",
        "Resource": "/b/k",
    }
