"""The command `aws`, of today and from before 2025."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import MIB, Bench, contents, make_tree, random_bytes

pytestmark = pytest.mark.slow
Command = Callable[..., str]


def both(*features: str) -> pytest.MarkDecorator:
    """Return what has a test run with both generations, and prove features for each."""
    generations = ("awscli", "awscli-2024")
    return pytest.mark.parametrize(
        "client",
        [pytest.param(one, marks=pytest.mark.proves(one, *features)) for one in generations],
    )


@pytest.fixture
def aws(bench: Bench, client: str) -> Command:
    """Run `aws` with arguments."""
    program = bench.installed(client, "aws")
    bench.variables["AWS_PAGER"] = ""
    return lambda *arguments, **how: bench.run(program, *arguments, **how)


@both("sync", "listing", "bulk_delete")
def test_a_tree_goes_up_and_comes_down(aws: Command, bench: Bench, bucket: str) -> None:
    make_tree(bench.folder / "tree")
    tree = contents(bench.folder / "tree")
    aws("s3", "sync", "tree", f"s3://{bucket}/tree")
    assert aws("s3", "sync", "tree", f"s3://{bucket}/tree") == ""
    aws("s3", "sync", f"s3://{bucket}/tree", "down")
    assert contents(bench.folder / "down") == tree
    listed = aws("s3", "ls", "--recursive", "--page-size", "3", f"s3://{bucket}").splitlines()
    assert {line.split(maxsplit=3)[3] for line in listed} == {f"tree/{name}" for name in tree}
    aws("s3", "rm", "--recursive", f"s3://{bucket}/tree")
    aws("s3", "rb", f"s3://{bucket}")
    aws("s3", "ls", f"s3://{bucket}", fails=True)


@both("objects", "multipart_upload", "multipart_download", "copy", "presigned_urls")
def test_a_large_file(aws: Command, bench: Bench, bucket: str) -> None:
    body = random_bytes(20 * MIB + 1)
    (bench.folder / "large").write_bytes(body)
    aws("s3", "cp", "large", f"s3://{bucket}/large")
    aws("s3", "mv", f"s3://{bucket}/large", f"s3://{bucket}/moved")
    aws("s3", "cp", f"s3://{bucket}/moved", "down")
    assert (bench.folder / "down").read_bytes() == body
    url = aws("s3", "presign", f"s3://{bucket}/moved").strip()
    with urllib.request.urlopen(url, timeout=60) as response:
        assert response.read() == body
    assert "large" not in aws("s3", "ls", f"s3://{bucket}")


@both("conditional_writes", "checksums", "versions", "tags")
def test_versions_of_an_object(aws: Command, bench: Bench, s3: Any, bucket: str) -> None:
    def api(operation: str, *arguments: str, **how: bool) -> Any:
        printed = aws("s3api", operation, "--bucket", bucket, *arguments, **how)
        return json.loads(printed) if printed.startswith("{") else printed

    Path(bench.folder / "one").write_bytes(b"one")
    Path(bench.folder / "two").write_bytes(b"two")
    api("put-bucket-versioning", "--versioning-configuration", "Status=Enabled")
    create = ("--key", "o", "--if-none-match", "*", "--tagging", "colour=red")
    put = api("put-object", "--body", "one", *create, "--checksum-algorithm", "SHA256")
    assert put["ChecksumSHA256"]
    assert "PreconditionFailed" in api("put-object", "--body", "two", *create, fails=True)
    api("put-object", "--key", "o", "--body", "two")
    listed = api("list-object-versions")["Versions"]
    assert [one["VersionId"] for one in listed][1:] == [put["VersionId"]]
    first = ("--version-id", put["VersionId"], "--checksum-mode", "ENABLED")
    known = api("get-object", "--key", "o", *first, "down")
    assert known["TagCount"] == 1
    assert (bench.folder / "down").read_bytes() == b"one"
    api("delete-object", "--key", "o")
    assert "404" in api("head-object", "--key", "o", fails=True)


@both("object_lock")
def test_a_locked_object(aws: Command, bench: Bench, bucket: str) -> None:
    bucket += "-locked"
    (bench.folder / "one").write_bytes(b"one")
    aws("s3api", "create-bucket", "--bucket", bucket, "--object-lock-enabled-for-bucket")
    where = ("--bucket", bucket, "--key", "o")
    hold = ("--object-lock-legal-hold-status", "ON")
    put = json.loads(aws("s3api", "put-object", *where, "--body", "one", *hold))
    version = ("--version-id", put["VersionId"])
    assert "AccessDenied" in aws("s3api", "delete-object", *where, *version, fails=True)
    aws("s3api", "put-object-legal-hold", *where, *version, "--legal-hold", "Status=OFF")
    aws("s3api", "delete-object", *where, *version)
