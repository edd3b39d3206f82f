"""The Query protocol: signatures, malformed requests, and which door answers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iam_harness import Iam, IamFault, ask, model, policy
from s3_harness import S3, Answer

from storage.s3.iam.errors import STATUS, IamError
from storage.s3.iam.limits import BODY_BYTES_MAX
from storage.s3.iam.operations import OPERATIONS
from storage.s3.iam.parameters import read_form

LIST = b"Action=ListUsers&Version=2010-05-08"
WHO = b"Action=GetCallerIdentity&Version=2011-06-15"


def code(answer: Answer) -> str:
    """Return the error's code."""
    assert answer["content-type"] == "text/xml"
    start = answer.body.index(b"<Code>") + len(b"<Code>")
    assert b"<ErrorResponse xmlns=" in answer.body
    assert answer["x-amzn-requestid"].encode() in answer.body
    return answer.body[start : answer.body.index(b"</Code>")].decode()


def test_all_operations_are_aws_own() -> None:
    assert OPERATIONS.keys() <= set(model("iam").operation_names)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_nobody_calls_iam_unsigned_or_without_rights(s3: S3, member: Iam, name: str) -> None:
    form = f"Action={name}&Version=2010-05-08&UserName=tester".encode()
    answer = await Iam(s3).post(form)
    assert (answer.status, code(answer)) == (403, "MissingAuthenticationToken")
    answer = await member.post(form)
    assert (answer.status, code(answer)) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (b"Version=2010-05-08", "MissingAction"),
        (b"", "MissingAction"),
        (b"Action=Nonsense&Version=2010-05-08", "InvalidAction"),
        (b"Action=CreateSAMLProvider&Version=2010-05-08", "InvalidAction"),
        (b"Action=GetCallerIdentity&Version=2010-05-08", "InvalidAction"),
        (b"Action=GetCallerIdentity", "InvalidAction"),
        (b"Action=GetUser&UserName=%FF&Version=2010-05-08", "MalformedQueryString"),
        (b"Action=GetUser&UserName=%00&Version=2010-05-08", "MalformedQueryString"),
        (b"Action=GetUser&Action=ListUsers&Version=2010-05-08", "MalformedQueryString"),
        (b"\xff=1", "MalformedQueryString"),
        (b"&".join(b"a%d=1" % number for number in range(1001)), "MalformedQueryString"),
        (b"Action=CreateUser&Version=2010-05-08", "ValidationError"),
        (LIST + b"&MaxItems=many", "ValidationError"),
        (LIST + "&MaxItems=²".encode().replace(b"\xc2\xb2", b"%C2%B2"), "ValidationError"),
    ],
)
async def test_malformed_requests(admin: Iam, form: bytes, wanted: str) -> None:
    answer = await admin.post(form)
    assert (answer.status, code(answer)) == (400, wanted)


async def test_a_long_request_is_refused(admin: Iam) -> None:
    answer = await admin.post(LIST + b"&a=" + b"x" * BODY_BYTES_MAX)
    assert (answer.status, code(answer)) == (413, "RequestEntityTooLarge")


async def test_signatures(s3: S3, admin: Iam) -> None:
    assert (await admin.post(LIST)).status == 200
    assert (await admin.post(WHO, "sts")).status == 200
    answer = await admin.post(LIST, sent=LIST.replace(b"Users", b"Roles"))
    assert code(answer) == "SignatureDoesNotMatch"
    for form, service, region in (
        (LIST, "sts", "us-east-1"),
        (WHO, "iam", "us-east-1"),
        (LIST, "s3", "us-east-1"),
        (LIST, "iam", "mars-north-1"),
    ):
        answer = await admin.post(form, service, region)
        assert (answer.status, code(answer)) == (403, "IncompleteSignature")
    wrong = Iam(s3, admin.credentials.access_key, "wrong")  # type: ignore[union-attr]
    assert code(await wrong.post(LIST)) == "SignatureDoesNotMatch"
    assert code(await Iam(s3, "AKIANOBODY", "wrong").post(LIST)) == "InvalidClientTokenId"


async def test_a_form_for_a_bucket_is_the_buckets(s3: S3, admin: Iam) -> None:
    bucket = Iam(s3, admin.credentials.access_key, "x", host="photos.s3.localhost")  # type: ignore[union-attr]
    answer = await bucket.post(LIST)
    assert b"<ErrorResponse" not in answer.body
    listed = await ask(s3, "GET", {"host": "s3.localhost"}, "", b"")
    assert b"<ErrorResponse" not in listed.body


async def test_documents_come_back_as_they_were_sent(admin: Iam) -> None:
    text = policy("Allow", "s3:*", 'arn:aws:s3:::a b/é&<>"+%20*')
    await admin.call("CreateUser", UserName="alice")
    await admin.call("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=text)
    found = await admin.call("GetUserPolicy", UserName="alice", PolicyName="p")
    assert unquote(found["PolicyDocument"]) == text


def test_every_error_has_a_status() -> None:
    assert {IamError(one, "").status for one in STATUS} <= {400, 403, 404, 409, 413, 500, 503}


FORMS = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=5)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(data: bytes) -> None:
    with suppress(IamError):
        read_form(data)


@given(FORMS)
def test_a_form_is_read_as_it_was_written(fields: Mapping[str, str]) -> None:
    try:
        read = read_form(urlencode(fields, errors="surrogatepass").encode())
    except IamError:
        assert any("\0" in value for value in fields.values())
        return
    assert {name: read.get(name) for name in fields} == fields


def test_members_of_lists() -> None:
    form = read_form(b"L.member.1=a&L.member.2=b&L.member.4=d&T.member.1.Key=k&T.member.1.Value=")
    assert form.members("L") == ["a", "b"]
    assert form.members("T", "Key") == ["k"]
    assert form.members("T", "Value") == [""]
    assert form.members("none") == []


async def test_faults_are_what_botocore_reads(admin: Iam) -> None:
    with pytest.raises(IamFault) as caught:
        await admin.call("GetUser", UserName="nobody")
    assert caught.value.message == "The user with name nobody cannot be found."
