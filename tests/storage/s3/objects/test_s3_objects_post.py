"""PostObject: browser uploads, as ceph/s3-tests has them: test_post_object_*."""

import hmac
import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from s3_harness import REGION, S3, Answer, Client
from s3_objects import body_of

BUCKET = "bucket"
BOUNDARY = "----boundary"


@pytest.fixture
async def client(tester: Client) -> Client:
    await tester.call("CreateBucket", Bucket=BUCKET)
    return tester


def policy_of(s3: S3, *conditions: Any, expires_s: int = 600) -> dict[str, Any]:
    expires = s3.now() + timedelta(seconds=expires_s)
    return {
        "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": [
            {"bucket": BUCKET},
            ["starts-with", "$key", "foo"],
            ["content-length-range", 0, 1024],
            *conditions,
        ],
    }


def signed(client: Client, policy: Any, **fields: str) -> dict[str, str]:
    """Return the fields of a form that is signed as of old, with HMAC-SHA1."""
    encoded = b64encode(json.dumps(policy).encode())
    signature = b64encode(hmac.digest(client.secret.encode(), encoded, "sha1")).decode()
    return {
        "key": "foo.txt",
        "AWSAccessKeyId": client.access_key,
        "signature": signature,
        "policy": encoded.decode(),
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }


def signed_v4(s3: S3, client: Client, conditions: list[Any]) -> dict[str, str]:
    now = s3.now().strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    terms = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{client.access_key}/{scope}",
        "x-amz-date": now,
    }
    policy = policy_of(s3, *conditions, *({name: value} for name, value in terms.items()))
    encoded = b64encode(json.dumps(policy).encode())
    key = b"AWS4" + client.secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, encoded, "sha256").hex()
    return {"key": "foo.txt", "policy": encoded.decode(), "X-Amz-Signature": signature, **terms}


def form(fields: dict[str, str], file: bytes | None = b"bar", filename: str = "x.txt") -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if file is not None:
        head = f'Content-Disposition: form-data; name="file"; filename="{filename}"'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + file + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


async def post(s3: S3, body: bytes, step: int = 0) -> Answer:
    """Send a form, in pieces of so many bytes."""
    pieces = [body[at : at + step] for at in range(0, len(body), step)] if step else [body]
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return await s3.anonymous.request("POST", f"/{BUCKET}", headers=headers, body=pieces)


@pytest.mark.parametrize("step", [0, 1, 7, 64])
async def test_an_upload(s3: S3, client: Client, step: int) -> None:
    policy = policy_of(s3, ["starts-with", "$Content-Type", "text/"], {"x-amz-meta-foo": "bar"})
    fields = signed(client, policy, Content_Type="text/plain", x_amz_meta_foo="bar")
    file = b"\r\n--not the boundary\r\n" * 9 + b"\r\n"
    answer = await post(s3, form(fields, file), step)
    assert (answer.status, answer.body) == (204, b"")
    assert answer["location"] == "http://s3.localhost/bucket/foo.txt"
    got = await client.call("GetObject", Bucket=BUCKET, Key="foo.txt")
    assert got["Body"].read() == file
    assert got["ETag"] == answer["etag"]
    assert got["ContentType"] == "text/plain"
    assert got["Metadata"] == {"foo": "bar"}


async def test_an_upload_signed_with_version_4(s3: S3, client: Client) -> None:
    fields = signed_v4(s3, client, [])
    assert (await post(s3, form(fields))).status == 204
    fields["X-Amz-Signature"] = "0" * 64
    answer = await post(s3, form(fields))
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


async def test_an_empty_file(s3: S3, client: Client) -> None:
    assert (await post(s3, form(signed(client, policy_of(s3)), b""))).status == 204
    assert await body_of(client, BUCKET, "foo.txt") == b""


async def test_the_name_of_the_file(s3: S3, client: Client) -> None:
    fields = signed(client, policy_of(s3)) | {"key": "foo/${filename}"}
    await post(s3, form(fields, filename="C:\\\\x\\\\b a r.txt"))
    assert await body_of(client, BUCKET, "foo/b a r.txt") == b"bar"


@pytest.mark.parametrize("status", ["200", "201", "204", "404", "x"])
async def test_the_status(s3: S3, client: Client, status: str) -> None:
    policy = policy_of(s3, ["starts-with", "$success_action_status", ""])
    fields = signed(client, policy)
    fields["success_action_status"] = status
    answer = await post(s3, form(fields))
    assert answer.status == (int(status) if status in ("200", "201", "204") else 204)
    if status == "201":
        root = answer.xml("PostResponse")
        assert root.value("Key") == "foo.txt"
        assert root.value("Bucket") == BUCKET
        assert root.value("ETag") == answer["etag"]
        assert root.value("Location") == answer["location"]
    else:
        assert answer.body == b""


async def test_where_the_browser_goes(s3: S3, client: Client) -> None:
    policy = policy_of(s3, ["starts-with", "$success_action_redirect", ""])
    for url, status in (
        ("http://x.example/ok?a=1", 303),
        ("javascript:alert(1)", 204),
        ("http://[x", 204),
    ):
        fields = signed(client, policy)
        fields["success_action_redirect"] = url
        answer = await post(s3, form(fields))
        assert answer.status == status
        if status == 303:
            etag = answer["etag"].strip('"')
            assert answer["location"] == (
                f"http://x.example/ok?a=1&bucket=bucket&key=foo.txt&etag=%22{etag}%22"
            )


async def test_tags(s3: S3, client: Client) -> None:
    policy = policy_of(s3, ["starts-with", "$tagging", ""])
    document = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
    assert (await post(s3, form(signed(client, policy, tagging=document)))).status == 204
    tags = await client.call("GetObjectTagging", Bucket=BUCKET, Key="foo.txt")
    assert tags["TagSet"] == [{"Key": "a", "Value": "1"}]
    answer = await post(s3, form(signed(client, policy, tagging="<Tagging>")))
    assert (answer.status, answer.code) == (400, "MalformedXML")


async def test_anonymous_uploads(s3: S3, client: Client) -> None:
    answer = await post(s3, form({"key": "foo.txt"}))
    assert (answer.status, answer.code) == (403, "AccessDenied")
    await client.call(
        "PutBucketOwnershipControls",
        Bucket=BUCKET,
        OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    )
    await client.call("PutBucketAcl", Bucket=BUCKET, ACL="public-read-write")
    answer = await post(s3, form({"key": "foo.txt", "acl": "public-read"}))
    assert answer.status == 204
    assert await body_of(s3.anonymous, BUCKET, "foo.txt") == b"bar"


async def test_a_checksum(s3: S3, client: Client) -> None:
    policy = policy_of(s3, ["starts-with", "$content-md5", ""])
    fields = signed(client, policy, content_md5=b64encode(bytes(16)).decode())
    answer = await post(s3, form(fields))
    assert (answer.status, answer.code) == (400, "BadDigest")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"key": None}, 400, "InvalidArgument"),
        ({"key": "other"}, 403, "AccessDenied"),
        ({"key": "foo" + "o" * 1024}, 400, "KeyTooLongError"),
        ({"x-amz-meta-more": "1"}, 403, "AccessDenied"),
        ({"signature": "x"}, 403, "SignatureDoesNotMatch"),
        ({"AWSAccessKeyId": "NOBODY"}, 403, "InvalidAccessKeyId"),
        ({"AWSAccessKeyId": None}, 400, "InvalidArgument"),
        ({"policy": None}, 400, "InvalidArgument"),
        ({"x-ignore-long": "x" * 20_480}, 400, "MaxPostPreDataLengthExceededError"),
    ],
)
async def test_fields_that_are_refused(
    s3: S3, client: Client, change: dict[str, str | None], status: int, code: str
) -> None:
    fields = {**signed(client, policy_of(s3)), **change}
    answer = await post(s3, form({name: value for name, value in fields.items() if value}))
    assert (answer.status, answer.code) == (status, code)
    listed = await client.call("ListObjectsV2", Bucket=BUCKET)
    assert listed["KeyCount"] == 0


async def test_policies_that_are_refused(s3: S3, client: Client) -> None:
    for policy, status, code in (
        (policy_of(s3, expires_s=-1), 403, "AccessDenied"),
        (policy_of(s3, ["content-length-range", 4, 9]), 400, "EntityTooSmall"),
        (policy_of(s3, ["content-length-range", 0, 2]), 400, "EntityTooLarge"),
        (policy_of(s3, ["content-length-range", 0]), 400, "InvalidPolicyDocument"),
        ({"conditions": []}, 400, "InvalidPolicyDocument"),
    ):
        answer = await post(s3, form(signed(client, policy)))
        assert (answer.status, answer.code) == (status, code)
    listed = await client.call("ListObjectsV2", Bucket=BUCKET)
    assert listed["KeyCount"] == 0


async def test_bodies_that_are_no_form(s3: S3, client: Client) -> None:
    whole = form(signed(client, policy_of(s3)))
    for body, status, code in (
        (form(signed(client, policy_of(s3)), None), 400, "InvalidArgument"),
        (whole[: len(whole) // 2], 400, "MalformedPOSTRequest"),
        (whole[:-10], 400, "MalformedPOSTRequest"),
        (b"x" * 5000, 400, "MalformedPOSTRequest"),
        (b"", 400, "MalformedPOSTRequest"),
    ):
        answer = await post(s3, body)
        assert (answer.status, answer.code) == (status, code)
    answer = await s3.anonymous.request("POST", f"/{BUCKET}", body=whole)
    assert (answer.status, answer.code) == (412, "PreconditionFailed")
    headers = {"content-type": "multipart/form-data"}
    answer = await s3.anonymous.request("POST", f"/{BUCKET}", headers=headers, body=whole)
    assert (answer.status, answer.code) == (400, "MalformedPOSTRequest")
    listed = await client.call("ListObjectsV2", Bucket=BUCKET)
    assert listed["KeyCount"] == 0
