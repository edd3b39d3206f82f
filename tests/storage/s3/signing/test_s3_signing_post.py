"""Browser uploads: botocore signs the forms, and each rule of a policy is broken once."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import HmacV1PostAuth, S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from storage.s3.errors import S3Error
from storage.s3.signing.post_claim import PostClaim, read_post_claim
from storage.s3.signing.post_policy import PostPolicy, expand_filename, read_policy

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EXPIRATION = "2015-12-30T12:00:00.000Z"
EXPIRES_S = int(datetime(2015, 12, 30, 12, tzinfo=UTC).timestamp())


def form(
    auth: type = S3SigV4PostAuth,
    conditions: list[Any] | None = None,
    token: str | None = None,
    **fields: str,
) -> dict[str, str]:
    request = AWSRequest(method="POST", url="http://h/b")
    policy = {"expiration": EXPIRATION, "conditions": list(conditions or [])}
    request.context["s3-presign-post-policy"] = policy
    request.context["s3-presign-post-fields"] = dict(fields)
    credentials = Credentials(ACCESS_KEY, SECRET, token)
    signer = auth(credentials, "s3", "us-east-1") if auth is S3SigV4PostAuth else auth(credentials)
    signer.add_auth(request)
    signed: dict[str, str] = request.context["s3-presign-post-fields"]
    return {name.lower(): value for name, value in signed.items()}


def claim_of(fields: dict[str, str]) -> PostClaim:
    claim = read_post_claim(fields, allow_v2=True)
    assert claim is not None
    claim.check_terms("us-east-1")
    claim.check_signature(SECRET)
    return claim


def policy_of(*conditions: object, **others: object) -> PostPolicy:
    document = {"expiration": EXPIRATION, "conditions": list(conditions), **others}
    kept = {name: value for name, value in document.items() if value != "absent"}
    return encoded_policy(json.dumps(kept))


def encoded_policy(text: str) -> PostPolicy:
    return read_policy(b64encode(text.encode()).decode())


def message_of(policy: PostPolicy, fields: dict[str, str], bucket: str = "b") -> str:
    """Return why a form is refused, nothing where it is not."""
    try:
        policy.check(fields, bucket, EXPIRES_S)
    except S3Error as error:
        assert error.code == "AccessDenied"  # noqa: PT017
        return error.message
    return ""


@pytest.mark.parametrize("auth", [S3SigV4PostAuth, HmacV1PostAuth])
@pytest.mark.parametrize("token", [None, "a/token=="])
def test_botocore_agrees(auth: type, token: str | None) -> None:
    conditions = [{"bucket": "b"}, ["starts-with", "$key", "user/"]]
    fields = form(auth, conditions, token, key="user/file")
    claim = claim_of(fields)
    assert (claim.access_key, claim.token) == (ACCESS_KEY, token or "")
    read_policy(claim.policy).check(fields, "b", EXPIRES_S)


@pytest.mark.parametrize("auth", [S3SigV4PostAuth, HmacV1PostAuth])
def test_another_policy_needs_another_signature(auth: type) -> None:
    fields = form(auth)
    fields["policy"] = b64encode(b'{"expiration": "2099-01-01T00:00:00Z"}').decode()
    with pytest.raises(S3Error) as caught:
        claim_of(fields)
    assert caught.value.code == "SignatureDoesNotMatch"


def test_published_example() -> None:
    """The policy and signature of "Examples: Browser-Based Upload using HTTP POST"."""
    text = (
        '{ "expiration": "2015-12-30T12:00:00.000Z",\r\n  "conditions": [\r\n'
        '    {"bucket": "sigv4examplebucket"},\r\n'
        '    ["starts-with", "$key", "user/user1/"],\r\n'
        '    {"acl": "public-read"},\r\n'
        '    {"success_action_redirect": '
        '"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},\r\n'
        '    ["starts-with", "$Content-Type", "image/"],\r\n'
        '    {"x-amz-meta-uuid": "14365123651274"},\r\n'
        '    {"x-amz-server-side-encryption": "AES256"},\r\n'
        '    ["starts-with", "$x-amz-meta-tag", ""],\r\n\r\n'
        '    {"x-amz-credential": '
        '"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},\r\n'
        '    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},\r\n'
        '    {"x-amz-date": "20151229T000000Z" }\r\n  ]\r\n}'
    )
    fields = {
        "policy": b64encode(text.encode()).decode(),
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        "x-amz-date": "20151229T000000Z",
        "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
    }
    claim_of(fields)
    fields |= {
        "key": "user/user1/a.png",
        "acl": "public-read",
        "success_action_redirect": (
            "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"
        ),
        "content-type": "image/jpeg",
        "x-amz-meta-uuid": "14365123651274",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-meta-tag": "",
    }
    read_policy(fields["policy"]).check(fields, "sigv4examplebucket", EXPIRES_S)


def test_anonymous_forms() -> None:
    assert read_post_claim({"key": "a", "acl": "public-read"}, allow_v2=True) is None


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"x-amz-signature": ""}, "InvalidArgument", "field named 'x-amz-signature'"),
        ({"policy": ""}, "InvalidArgument", "field named 'policy'"),
        ({"x-amz-algorithm": "AWS4-X"}, "InvalidArgument", "Only AWS4-HMAC-SHA256 is supported"),
        ({"x-amz-credential": "a/b"}, "InvalidArgument", "is mal-formed"),
        ({"x-amz-credential": "\ud800"}, "InvalidArgument", "is mal-formed"),
        ({"x-amz-date": "2015-12-29"}, "InvalidArgument", "ISO8601 Long format"),
        ({"x-amz-date": "20001229T000000Z"}, "InvalidArgument", "not the same as X-Amz-Date"),
        ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch", "does not match"),
        ({"x-amz-signature": "é"}, "SignatureDoesNotMatch", "does not match"),
    ],
)
def test_claims_that_are_refused(changes: dict[str, str], code: str, message: str) -> None:
    with pytest.raises(S3Error) as caught:
        claim_of({**form(), **changes})
    assert caught.value.code == code
    assert message in caught.value.message


def test_claims_for_elsewhere() -> None:
    claim = read_post_claim(form(), allow_v2=False)
    assert claim is not None
    with pytest.raises(S3Error, match="the region 'us-east-1' is wrong; expecting 'eu'"):
        claim.check_terms("eu")
    credential = form()["x-amz-credential"].replace("/s3/", "/sts/")
    claim = read_post_claim({**form(), "x-amz-credential": credential}, allow_v2=False)
    assert claim is not None
    with pytest.raises(S3Error, match='incorrect service "sts"'):
        claim.check_terms("us-east-1")


def test_version_2_can_be_switched_off() -> None:
    with pytest.raises(S3Error, match="Please use AWS4-HMAC-SHA256"):
        read_post_claim(form(HmacV1PostAuth), allow_v2=False)
    with pytest.raises(S3Error, match="a field named 'AWSAccessKeyId'"):
        read_post_claim({"policy": "a", "signature": "b"}, allow_v2=True)


BUCKET = {"bucket": "b"}


@pytest.mark.parametrize(
    ("conditions", "fields", "message"),
    [
        ([BUCKET, {"acl": "private"}], {"acl": "private"}, ""),
        ([BUCKET, ["eq", "$acl", "private"]], {"acl": "private"}, ""),
        ([BUCKET, ["StArTs-WiTh", "$KeY", "a"]], {"key": "abc"}, ""),
        ([BUCKET, ["starts-with", "$key", ""]], {}, ""),
        ([{"BucKet": "b"}], {"x-ignore-me": "1", "policy": "p", "x-amz-signature": "s"}, ""),
        ([], {}, "Extra input fields: bucket"),
        ([BUCKET], {"x-amz-meta-a": "1"}, "Extra input fields: x-amz-meta-a"),
        ([{"bucket": "c"}], {}, 'Policy Condition failed: ["eq", "$bucket", "c"]'),
        ([BUCKET, {"acl": "p"}], {}, 'Policy Condition failed: ["eq", "$acl", "p"]'),
        (
            [BUCKET, ["starts-with", "$key", "a"]],
            {"key": "b"},
            'Policy Condition failed: ["starts-with", "$key", "a"]',
        ),
        (
            [BUCKET, ["starts-with", "$Content-Type", "image/"]],
            {"content-type": "image/a, image/b"},
            "",
        ),
        (
            [BUCKET, ["starts-with", "$Content-Type", "image/"]],
            {"content-type": "image/a,text/b"},
            'Policy Condition failed: ["starts-with", "$content-type", "image/"]',
        ),
    ],
)
def test_conditions(conditions: list[object], fields: dict[str, str], message: str) -> None:
    found = message_of(policy_of(*conditions), fields)
    assert found == (f"Invalid according to Policy: {message}" if message else "")


def test_policies_expire() -> None:
    policy = policy_of(BUCKET)
    policy.check({}, "b", EXPIRES_S)
    with pytest.raises(S3Error, match="Invalid according to Policy: Policy expired"):
        policy.check({}, "b", EXPIRES_S + 1)


@pytest.mark.parametrize(
    ("size_bytes", "code", "extra"),
    [
        (9, "EntityTooSmall", {"ProposedSize": 9, "MinSizeAllowed": 10}),
        (10, "", {}),
        (20, "", {}),
        (21, "EntityTooLarge", {"ProposedSize": 21, "MaxSizeAllowed": 20}),
    ],
)
def test_sizes(size_bytes: int, code: str, extra: dict[str, int]) -> None:
    policy = policy_of(["content-length-range", 10, "20"], ["content-length-range", 0, 30])
    if not code:
        policy.check_size(size_bytes)
        return
    with pytest.raises(S3Error) as caught:
        policy.check_size(size_bytes)
    assert (caught.value.code, caught.value.status, caught.value.extra) == (code, 400, extra)


def test_a_policy_without_sizes_takes_any() -> None:
    policy_of().check_size(0)
    policy_of().check_size(5 << 40)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting '{' but found End-of-Input"),
        ("[]", "Invalid JSON."),
        ("{", "Invalid JSON."),
        ("[" * 15_000, "Invalid JSON."),
        ('{"expiration": ' + "9" * 5000 + "}", "Invalid JSON."),
        ('{"conditions": []}', "Policy missing expiration."),
        ('{"EXPIRATION": "2015-12-30T12:00:00Z", "conditions": []}', "missing expiration."),
        ('{"expiration": "2015-12-30T12:00:00Z"}', "Policy missing conditions."),
        ('{"expiration": "2015-12-30T12:00:00Z", "conditions": {}}', "must be a List."),
        ('{"expiration": "2015-12-30 12:00:00", "conditions": []}', "Invalid 'expiration' value"),
        ('{"expiration": "2015-13-30T12:00:00Z", "conditions": []}', "Invalid 'expiration' value"),
        ('{"expiration": 1451476800, "conditions": []}', "Invalid 'expiration' value"),
    ],
)
def test_documents_that_are_none(text: str, message: str) -> None:
    with pytest.raises(S3Error) as caught:
        encoded_policy(text)
    assert caught.value.code == "InvalidPolicyDocument"
    assert message in caught.value.message


@pytest.mark.parametrize("encoded", ["%%%", "abc", "\ud800", b64encode(b"\xff").decode()])
def test_documents_that_are_not_in_base64(encoded: str) -> None:
    with pytest.raises(S3Error, match="invalid Base64 encoding"):
        read_policy(encoded)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("acl", "must be a List or Object."),
        ({}, "exactly one property"),
        ({"a": "b", "c": "d"}, "exactly one property"),
        ({"a": 1}, "value must be a string."),
        ([], "missing operation identifier."),
        ([1, 2, 3], "missing operation identifier."),
        (["ends-with", "$a", "b"], "unknown operation 'ends-with'."),
        (["eq", "$a"], "Invalid eq: wrong number of arguments."),
        (["eq", "a", "b"], "must begin with '$'"),
        (["eq", "$a", 1], "arguments must be strings"),
        (["content-length-range", 0], "Invalid content-length-range: wrong number of arguments."),
        (["content-length-range", -1, 0], "non-negative numbers"),
        (["content-length-range", 0, True], "non-negative numbers"),
        (["content-length-range", 0, "9" * 30], "non-negative numbers"),
        (["content-length-range", 0.5, 1], "non-negative numbers"),
    ],
)
def test_conditions_that_are_none(condition: object, message: str) -> None:
    with pytest.raises(S3Error) as caught:
        policy_of(condition)
    assert caught.value.code == "InvalidPolicyDocument"
    assert message in caught.value.message


def test_escapes() -> None:
    r"""Policies have "\$" and "\v", which JSON has not, beside JSON's own."""
    text = r'{"expiration": "2015-12-30T12:00:00Z", "conditions": [["eq", "$a", "\$\v\\$\u00e9"]]}'
    assert encoded_policy(text).conditions[0].value == "$\v\\$é"


@pytest.mark.parametrize(
    ("filename", "expanded"),
    [
        ("file.txt", "user/file.txt"),
        ("C:\\Program Files\\dir\\file.txt", "user/file.txt"),
        ("/etc/passwd", "user/passwd"),
        ("", "user/"),
    ],
)
def test_filenames(filename: str, expanded: str) -> None:
    assert expand_filename("user/${filename}", filename) == expanded
    assert expand_filename("user/filename", filename) == "user/filename"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=8,
)
CONDITION = st.one_of(
    JSON,
    st.lists(
        st.sampled_from(["eq", "starts-with", "content-length-range", "$key", "", "10"]) | JSON,
        max_size=4,
    ),
)


@given(
    st.one_of(st.text(max_size=30), st.builds(json.dumps, JSON)), st.lists(CONDITION, max_size=3)
)
def test_whatever_a_policy_says(text: str, conditions: list[object]) -> None:
    document = json.dumps({"expiration": EXPIRATION, "conditions": conditions})
    for candidate in (text, document):
        try:
            encoded_policy(candidate).check({"key": "a"}, "b", EXPIRES_S)
        except S3Error as error:
            assert error.code in ("InvalidPolicyDocument", "AccessDenied")  # noqa: PT017
