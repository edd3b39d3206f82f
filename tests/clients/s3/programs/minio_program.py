"""What programs do with MinIO's SDK; `minio_program.py FEATURE BUCKET`."""

from __future__ import annotations

import io
import os
import random
import sys
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from minio import Minio
from minio.commonconfig import GOVERNANCE, ComposeSource, CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.retention import Retention
from minio.versioningconfig import ENABLED, VersioningConfig

MIB = 2**20
DATA = random.Random(0).randbytes(12 * MIB + 3)


def client() -> Minio:
    """Return a client by what the environment says."""
    return Minio(
        endpoint=os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"),
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        secure=False,
    )


def read(s3: Minio, bucket: str, name: str, **how: object) -> bytes:
    """Return what an object holds."""
    response = s3.get_object(bucket_name=bucket, object_name=name, **how)
    try:
        return bytes(response.data)
    finally:
        response.close()
        response.release_conn()


def write(s3: Minio, bucket: str, name: str, body: bytes, **how: object) -> str | None:
    """Store bytes; return the version."""
    stream = io.BytesIO(body)
    return s3.put_object(bucket, name, stream, len(body), **how).version_id


def refusal(call: Callable[..., object], **arguments: object) -> str:
    """Return the code of the error that a call ends with."""
    try:
        call(**arguments)
    except S3Error as error:
        return str(error.code)
    return "none"


def objects(s3: Minio, bucket: str) -> None:
    write(s3, bucket, "folder ☃/one", b"hello", metadata={"colour": "red"})
    assert read(s3, bucket, "folder ☃/one") == b"hello"
    assert read(s3, bucket, "folder ☃/one", offset=1, length=3) == b"ell"
    known = s3.stat_object(bucket_name=bucket, object_name="folder ☃/one")
    assert (known.size, known.metadata["x-amz-meta-colour"]) == (5, "red")
    s3.remove_object(bucket_name=bucket, object_name="folder ☃/one")
    where = {"bucket_name": bucket, "object_name": "folder ☃/one"}
    assert refusal(s3.stat_object, **where) == "NoSuchKey"


def unknown_length(s3: Minio, bucket: str) -> None:
    s3.put_object(bucket, "large", io.BytesIO(DATA), length=-1, part_size=5 * MIB)
    assert read(s3, bucket, "large") == DATA
    known = s3.stat_object(bucket_name=bucket, object_name="large")
    assert str(known.etag).endswith("-3")


def listing(s3: Minio, bucket: str) -> None:
    names = [f"folder/{number:02d} ☃+" for number in range(12)]
    for name in [*names, "top"]:
        write(s3, bucket, name, b"x")
    listed = s3.list_objects(bucket_name=bucket, recursive=True)
    assert [one.object_name for one in listed] == [*names, "top"]
    listed = s3.list_objects(bucket_name=bucket)
    assert sorted((one.object_name, one.is_dir) for one in listed) == [
        ("folder/", True),
        ("top", False),
    ]


def bulk_delete(s3: Minio, bucket: str) -> None:
    names = [f"o {number} ☃ &<>" for number in range(20)]
    for name in names:
        write(s3, bucket, name, b"x")
    errors = s3.remove_objects(bucket, [DeleteObject(name) for name in names[1:]])
    assert list(errors) == []
    assert [one.object_name for one in s3.list_objects(bucket_name=bucket)] == names[:1]


def presigned_urls(s3: Minio, bucket: str) -> None:
    url = s3.presigned_put_object(bucket_name=bucket, object_name="o ☃")
    with urllib.request.urlopen(urllib.request.Request(url, b"hello", method="PUT")) as response:
        assert response.status == 200
    url = s3.presigned_get_object(bucket_name=bucket, object_name="o ☃", expires=timedelta(hours=1))
    with urllib.request.urlopen(url) as response:
        assert response.read() == b"hello"


def copy(s3: Minio, bucket: str) -> None:
    write(s3, bucket, "a", DATA[: 5 * MIB])
    write(s3, bucket, "b", DATA[5 * MIB :])
    s3.copy_object(bucket, "c", CopySource(bucket, "b"))
    assert read(s3, bucket, "c") == DATA[5 * MIB :]
    s3.compose_object(bucket, "all", [ComposeSource(bucket, "a"), ComposeSource(bucket, "b")])
    assert read(s3, bucket, "all") == DATA


def tags(s3: Minio, bucket: str) -> None:
    own = Tags.new_object_tags()
    own["colour"] = "red and blue"
    write(s3, bucket, "o", b"x")
    s3.set_object_tags(bucket, "o", own)
    assert s3.get_object_tags(bucket_name=bucket, object_name="o") == own
    s3.delete_object_tags(bucket_name=bucket, object_name="o")
    assert s3.get_object_tags(bucket_name=bucket, object_name="o") is None


def versions(s3: Minio, bucket: str) -> None:
    s3.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    first = write(s3, bucket, "o", b"1")
    second = write(s3, bucket, "o", b"2")
    s3.remove_object(bucket_name=bucket, object_name="o")
    listed = list(s3.list_objects(bucket_name=bucket, include_version=True))
    assert sorted(one.is_delete_marker for one in listed) == [False, False, True]
    assert [one.version_id for one in listed if not one.is_delete_marker] == [second, first]
    assert read(s3, bucket, "o", version_id=first) == b"1"


def object_lock(s3: Minio, bucket: str) -> None:
    bucket += "-locked"
    s3.make_bucket(bucket_name=bucket, object_lock=True)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    version = write(s3, bucket, "o", b"x", retention=Retention(GOVERNANCE, until), legal_hold=True)
    where = {"bucket_name": bucket, "object_name": "o", "version_id": version}
    assert s3.get_object_retention(**where).retain_until_date == until
    assert s3.is_object_legal_hold_enabled(**where)
    s3.disable_object_legal_hold(**where)
    assert refusal(s3.remove_object, **where) == "AccessDenied"
    assert read(s3, bucket, "o") == b"x"


if __name__ == "__main__":
    globals()[sys.argv[1]](client(), sys.argv[2])
