"""What programs do with boto3; `boto3_program.py FEATURE BUCKET` does one thing and checks it.

It runs on boto3 of several generations: on what was there before SDKs sent checksums by themselves,
and on what came after.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

MIB = 2**20
DATA = random.Random(0).randbytes(21 * MIB + 3)
PARTS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
ONCE = {"total_max_attempts": 1}
IS_OLD = boto3.__version__.startswith("1.35.")


def client(**config: Any) -> Any:
    """Return a client by what the environment says, as any program gets it."""
    return boto3.client("s3", config=Config(retries=ONCE, read_timeout=20, **config))


def refused(code: str, call: Any, **arguments: Any) -> None:
    """Check that a call is refused with an error code."""
    found = "no error"
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
    assert found == code, f"{found}, where {code} was due"


def fetch(url: str, data: bytes | None = None, method: str = "GET", **headers: str) -> bytes:
    """Send a plain request."""
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


def objects(s3: Any, bucket: str) -> None:
    body = DATA[:100_001]
    s3.put_object(Bucket=bucket, Key="empty", Body=io.BytesIO())  # whose connection is used again
    for key in ("plain", "folder/with space", "ünï ☃/𐍈", "a+b&c=d;e?f#g", "100%", "/", "a//b", "."):
        put = s3.put_object(Bucket=bucket, Key=key, Body=io.BytesIO(body))
        assert put["ETag"] == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        got = s3.get_object(Bucket=bucket, Key=key)
        assert (got["Body"].read(), got["ContentLength"]) == (body, len(body))
    part = s3.get_object(Bucket=bucket, Key="plain", Range="bytes=10-19")
    assert (part["Body"].read(), part["ContentRange"]) == (body[10:20], "bytes 10-19/100001")
    head = s3.head_object(Bucket=bucket, Key="plain")
    assert (head["ETag"], head["ContentLength"]) == (put["ETag"], len(body))
    refused("304", s3.get_object, Bucket=bucket, Key="plain", IfNoneMatch=put["ETag"])
    s3.delete_object(Bucket=bucket, Key="plain")
    assert s3.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="plain")
    refused("404", s3.head_object, Bucket=bucket, Key="plain")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)


def listing(s3: Any, bucket: str) -> None:
    names = [f"{folder}/{number:03d} ☃" for folder in "ab" for number in range(30)] + ["c"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: s3.put_object(Bucket=bucket, Key=name, Body=b"x"), names))
    for operation in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(operation).paginate(
            Bucket=bucket, PaginationConfig={"PageSize": 7}
        )
        assert [one["Key"] for page in pages for one in page["Contents"]] == names
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in top["CommonPrefixes"]] == ["a/", "b/"]
    assert [one["Key"] for one in top["Contents"]] == ["c"]
    rest = s3.list_objects_v2(Bucket=bucket, Prefix="b/", StartAfter="b/027 ☃", FetchOwner=True)
    assert [one["Key"] for one in rest["Contents"]] == names[58:60]
    assert all(one["Owner"]["ID"] for one in rest["Contents"])
    assert bucket in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def metadata(s3: Any, bucket: str) -> None:
    standard = {
        "ContentType": "text/x-tried; charset=utf-8",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="one"',
        "ContentEncoding": "identity",
        "ContentLanguage": "de",
    }
    own = {"colour": "red", "two-words": "with space"}
    s3.put_object(Bucket=bucket, Key="one", Body=b"1", Metadata=own, **standard)
    for answer in (s3.head_object, s3.get_object):
        known = answer(Bucket=bucket, Key="one")
        assert known["Metadata"] == own
        assert {name: known[name] for name in standard} == standard
    other = s3.get_object(Bucket=bucket, Key="one", ResponseContentType="text/plain")
    assert other["ContentType"] == "text/plain"


def checksums(s3: Any, bucket: str) -> None:
    body = DATA[:70_000]
    unasked = s3.put_object(Bucket=bucket, Key="unasked", Body=body)
    assert IS_OLD or any(name.startswith("Checksum") for name in unasked)
    digests = {
        "SHA1": b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode(),
        "SHA256": b64encode(hashlib.sha256(body).digest()).decode(),
        "CRC32": None,
    }
    for algorithm, digest in digests.items():
        for stream in (body, io.BytesIO(body)):
            sent = s3.put_object(Bucket=bucket, Key="o", Body=stream, ChecksumAlgorithm=algorithm)
            got = s3.get_object(Bucket=bucket, Key="o", ChecksumMode="ENABLED")
            assert got["Body"].read() == body  # which verifies it
            assert got[f"Checksum{algorithm}"] == sent[f"Checksum{algorithm}"]
            assert digest in (None, got[f"Checksum{algorithm}"])
    wrong = {"Body": b"x", "ChecksumSHA256": digest_of(b"y")}
    refused("BadDigest", s3.put_object, Bucket=bucket, Key="o", **wrong)
    s3.upload_fileobj(
        io.BytesIO(DATA), bucket, "parts", ExtraArgs={"ChecksumAlgorithm": "SHA256"}, Config=PARTS
    )
    known = s3.get_object_attributes(
        Bucket=bucket, Key="parts", ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize"]
    )
    assert (known["ObjectSize"], known["ObjectParts"]["TotalPartsCount"]) == (len(DATA), 5)
    of_parts = [digest_of(DATA[at : at + 5 * MIB], raw=True) for at in range(0, len(DATA), 5 * MIB)]
    assert known["Checksum"]["ChecksumSHA256"].removesuffix("-5") == digest_of(b"".join(of_parts))


def digest_of(data: bytes, raw: bool = False) -> Any:
    digest = hashlib.sha256(data).digest()
    return digest if raw else b64encode(digest).decode()


def conditional_writes(s3: Any, bucket: str) -> None:
    def create(number: int) -> int | None:
        with suppress(ClientError):
            s3.put_object(Bucket=bucket, Key="o", Body=b"%d" % number, IfNoneMatch="*")
            return number
        return None

    with ThreadPoolExecutor(8) as pool:
        (winner,) = {number for number in pool.map(create, range(16)) if number is not None}
    assert s3.get_object(Bucket=bucket, Key="o")["Body"].read() == b"%d" % winner
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="o", Body=b"", IfNoneMatch="*")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="o")["UploadId"]
    where = {"Bucket": bucket, "Key": "o", "UploadId": upload}
    part = s3.upload_part(**where, PartNumber=1, Body=b"p")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    finish = s3.complete_multipart_upload
    refused("PreconditionFailed", finish, **where, MultipartUpload=parts, IfNoneMatch="*")
    s3.abort_multipart_upload(**where)
    if IS_OLD:
        return  # knows no other condition
    tag = s3.head_object(Bucket=bucket, Key="o")["ETag"]
    tag = s3.put_object(Bucket=bucket, Key="o", Body=b"second", IfMatch=tag)["ETag"]
    stale = {"Bucket": bucket, "Key": "o", "IfMatch": '"stale"'}
    refused("PreconditionFailed", s3.put_object, **stale, Body=b"")
    refused("PreconditionFailed", s3.delete_object, **stale)
    s3.delete_object(Bucket=bucket, Key="o", IfMatch=tag)


def multipart_upload(s3: Any, bucket: str) -> None:
    s3.upload_fileobj(io.BytesIO(DATA), bucket, "large", Config=PARTS)
    got = s3.get_object(Bucket=bucket, Key="large")
    assert got["ETag"].endswith('-5"')
    assert got["Body"].read() == DATA
    second = s3.get_object(Bucket=bucket, Key="large", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (DATA[5 * MIB : 10 * MIB], 5)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="given up")["UploadId"]
    where = {"Bucket": bucket, "Key": "given up", "UploadId": upload}
    part = s3.upload_part(**where, PartNumber=3, Body=b"p")
    (listed,) = s3.list_parts(**where)["Parts"]
    assert (listed["PartNumber"], listed["ETag"], listed["Size"]) == (3, part["ETag"], 1)
    (listed,) = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert (listed["Key"], listed["UploadId"]) == ("given up", upload)
    s3.abort_multipart_upload(**where)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def multipart_download(s3: Any, bucket: str) -> None:
    s3.upload_fileobj(io.BytesIO(DATA), bucket, "large", Config=PARTS)
    got = io.BytesIO()
    s3.download_fileobj(bucket, "large", got, Config=PARTS)
    assert got.getvalue() == DATA


def copy(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "from ☃"}
    s3.put_object(**source, Body=DATA[:1000], Metadata={"colour": "red"})
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source)
    same = s3.get_object(Bucket=bucket, Key="to")
    assert (same["Body"].read(), same["Metadata"]) == (DATA[:1000], {"colour": "red"})
    s3.copy_object(
        Bucket=bucket, Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"a": "b"}
    )
    assert s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"a": "b"}
    s3.upload_fileobj(io.BytesIO(DATA), bucket, "large", Config=PARTS)
    s3.copy({"Bucket": bucket, "Key": "large"}, bucket, "large too", Config=PARTS)
    assert s3.get_object(Bucket=bucket, Key="large too")["Body"].read() == DATA


def bulk_delete(s3: Any, bucket: str) -> None:
    names = [f"o {number} ☃ &<>" for number in range(25)]
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    gone = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": name} for name in [*names[1:], "was not there"]]}
    )
    assert len(gone["Deleted"]) == 25
    assert "Errors" not in gone
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == names[:1]


def presigned_urls(s3: Any, bucket: str) -> None:
    for version in ("s3v4", "s3"):
        signer = client(signature_version=version)
        where = {"Bucket": bucket, "Key": f"o ☃ {version}"}
        typeless = {"Content-Type": ""}  # version 2 signs it
        fetch(signer.generate_presigned_url("put_object", where), DATA[:5000], "PUT", **typeless)
        url = signer.generate_presigned_url("get_object", {**where, "ResponseContentType": "a/b"})
        assert fetch(url) == DATA[:5000]
        status = 200
        try:
            fetch(url + "0")
        except urllib.error.HTTPError as error:
            status = error.code
        assert status == 403


def browser_forms(s3: Any, bucket: str) -> None:
    form = s3.generate_presigned_post(
        bucket,
        "form/${filename}",
        Fields={"success_action_status": "201"},
        Conditions=[["content-length-range", 1, 9000], {"success_action_status": "201"}],
    )
    boundary = "a-boundary"
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    ]
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a b"\r\n\r\n'
    body = ("".join(lines) + file).encode() + DATA[:9000] + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    assert b"<Key>form/a b</Key>" in fetch(form["url"], body, "POST", **headers)
    assert s3.get_object(Bucket=bucket, Key="form/a b")["Body"].read() == DATA[:9000]


def versions(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="o", Body=b"null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    ids = [
        s3.put_object(Bucket=bucket, Key="o", Body=b"%d" % number)["VersionId"] for number in (1, 2)
    ]
    marker = s3.delete_object(Bucket=bucket, Key="o")
    assert marker["DeleteMarker"]
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="o")
    for version, body in zip(["null", *ids], (b"null", b"1", b"2"), strict=True):
        assert s3.get_object(Bucket=bucket, Key="o", VersionId=version)["Body"].read() == body
    listed = s3.list_object_versions(Bucket=bucket)
    assert [one["VersionId"] for one in listed["Versions"]] == [*reversed(ids), "null"]
    assert [one["VersionId"] for one in listed["DeleteMarkers"]] == [marker["VersionId"]]
    s3.delete_object(Bucket=bucket, Key="o", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="o")["Body"].read() == b"2"
    s3.delete_object(Bucket=bucket, Key="o", VersionId=ids[1])
    assert s3.get_object(Bucket=bucket, Key="o")["Body"].read() == b"1"


def tags(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="o", Body=b"x", Tagging="colour=red&a%20b=c%2Bd")
    known = s3.get_object_tagging(Bucket=bucket, Key="o")["TagSet"]
    assert {one["Key"]: one["Value"] for one in known} == {"colour": "red", "a b": "c+d"}
    own = [{"Key": "owner", "Value": "me ü"}]
    s3.put_object_tagging(Bucket=bucket, Key="o", Tagging={"TagSet": own})
    assert s3.get_object_tagging(Bucket=bucket, Key="o")["TagSet"] == own
    assert s3.get_object(Bucket=bucket, Key="o")["TagCount"] == 1
    s3.delete_object_tagging(Bucket=bucket, Key="o")
    assert s3.get_object_tagging(Bucket=bucket, Key="o")["TagSet"] == []
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": own})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == own
    s3.delete_bucket_tagging(Bucket=bucket)
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)


def object_lock(s3: Any, bucket: str) -> None:
    bucket += "-locked"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    put = s3.put_object(
        Bucket=bucket,
        Key="o",
        Body=b"kept",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
    )
    where = {"Bucket": bucket, "Key": "o", "VersionId": put["VersionId"]}
    assert s3.get_object_retention(**where)["Retention"] == {
        "Mode": "GOVERNANCE",
        "RetainUntilDate": until,
    }
    refused("AccessDenied", s3.delete_object, **where)
    s3.put_object_legal_hold(**where, LegalHold={"Status": "ON"})
    refused("AccessDenied", s3.delete_object, **where, BypassGovernanceRetention=True)
    assert s3.get_object(**where)["Body"].read() == b"kept"
    s3.put_object_legal_hold(**where, LegalHold={"Status": "OFF"})
    s3.delete_object(**where, BypassGovernanceRetention=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == lock
    put = s3.put_object(Bucket=bucket, Key="o", Body=b"kept")
    where["VersionId"] = put["VersionId"]
    assert s3.head_object(**where)["ObjectLockMode"] == "COMPLIANCE"
    refused("AccessDenied", s3.delete_object, **where, BypassGovernanceRetention=True)


def acls(s3: Any, bucket: str) -> None:
    anybody = client(signature_version=UNSIGNED)
    s3.put_object(Bucket=bucket, Key="open", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="closed", Body=b"x")
    assert anybody.get_object(Bucket=bucket, Key="open")["Body"].read() == b"x"
    refused("AccessDenied", anybody.get_object, Bucket=bucket, Key="closed")
    s3.put_object_acl(Bucket=bucket, Key="closed", ACL="public-read")
    assert anybody.get_object(Bucket=bucket, Key="closed")["Body"].read() == b"x"
    grants = s3.get_object_acl(Bucket=bucket, Key="closed")["Grants"]
    assert sorted(one["Permission"] for one in grants) == ["FULL_CONTROL", "READ"]
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert len(anybody.list_objects_v2(Bucket=bucket)["Contents"]) == 2
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    refused("AccessDenied", anybody.list_objects_v2, Bucket=bucket)


def bucket_policies(s3: Any, bucket: str) -> None:
    anybody = client(signature_version=UNSIGNED)
    for key in ("open/o", "closed/o"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/open/*",
            }
        ],
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    assert anybody.get_object(Bucket=bucket, Key="open/o")["Body"].read() == b"x"
    refused("AccessDenied", anybody.get_object, Bucket=bucket, Key="closed/o")
    s3.delete_bucket_policy(Bucket=bucket)
    refused("AccessDenied", anybody.get_object, Bucket=bucket, Key="open/o")


def cors_rules(s3: Any, bucket: str) -> None:
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example.com"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "o"}).partition("?")[0]
    request = urllib.request.Request(url, method="OPTIONS")
    request.add_header("Origin", "https://a.example.com")
    request.add_header("Access-Control-Request-Method", "GET")
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "https://a.example.com"
    s3.delete_bucket_cors(Bucket=bucket)
    refused("NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=bucket)


def lifecycle_rules(s3: Any, bucket: str) -> None:
    rules = [
        {
            "ID": "old logs",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "keep", "Value": "no"}]}},
            "Expiration": {"Days": 30},
        },
        {
            "ID": "leftovers",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    s3.delete_bucket_lifecycle(Bucket=bucket)


if __name__ == "__main__":
    globals()[sys.argv[1]](client(), sys.argv[2])
