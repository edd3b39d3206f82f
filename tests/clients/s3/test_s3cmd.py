"""s3cmd: what shell scripts have used for fifteen years."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from bench import MIB, Bench, contents, make_tree, random_bytes

pytestmark = pytest.mark.slow
Command = Callable[..., str]

CONFIGURATION = """\
[default]
access_key = {AWS_ACCESS_KEY_ID}
secret_key = {AWS_SECRET_ACCESS_KEY}
host_base = {address}
host_bucket = {address}
use_https = False
bucket_location = {AWS_REGION}
"""


@pytest.fixture
def s3cmd(bench: Bench) -> Command:
    """Run `s3cmd` with arguments."""
    text = CONFIGURATION.format(address=bench.address, **bench.variables)
    (bench.folder / ".s3cfg").write_text(text)
    return lambda *arguments, **how: bench.run("s3cmd", "--no-progress", *arguments, **how)


def status_of(url: str) -> int:
    """Return the status that anybody gets."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.proves("s3cmd", "sync", "listing", "bulk_delete")
def test_a_tree_goes_up_and_comes_down(s3cmd: Command, bench: Bench, bucket: str) -> None:
    make_tree(bench.folder / "tree")
    tree = contents(bench.folder / "tree")
    s3cmd("sync", "tree/", f"s3://{bucket}/tree/")
    assert "upload" not in s3cmd("sync", "tree/", f"s3://{bucket}/tree/")
    listed = s3cmd("ls", "-r", f"s3://{bucket}").splitlines()
    prefix = f"s3://{bucket}/tree/"
    assert {line.partition(prefix)[2] for line in listed} == set(tree)
    (bench.folder / "down").mkdir()
    s3cmd("sync", prefix, "down/")
    assert contents(bench.folder / "down") == tree
    s3cmd("del", "--recursive", "--force", f"s3://{bucket}")
    s3cmd("rb", f"s3://{bucket}")
    s3cmd("ls", f"s3://{bucket}", fails=True)


@pytest.mark.proves("s3cmd", "objects", "multipart_upload", "copy", "metadata")
def test_a_large_file(s3cmd: Command, bench: Bench, s3: Any, bucket: str) -> None:
    body = random_bytes(16 * MIB + 1)
    (bench.folder / "large").write_bytes(body)
    header = "--add-header=x-amz-meta-colour: red"
    s3cmd("put", "--multipart-chunk-size-mb=5", header, "large", f"s3://{bucket}/large")
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-4"')
    s3cmd("mv", f"s3://{bucket}/large", f"s3://{bucket}/moved")
    s3cmd("get", f"s3://{bucket}/moved", "down")
    assert (bench.folder / "down").read_bytes() == body
    known = s3cmd("info", f"s3://{bucket}/moved")
    assert "red" in known
    assert s3cmd("multipart", f"s3://{bucket}").count("\n") <= 2  # no upload is left


@pytest.mark.proves("s3cmd", "acls", "bucket_policies", "lifecycle_rules")
def test_who_may_read(s3cmd: Command, bench: Bench, bucket: str) -> None:
    (bench.folder / "one").write_text("one")
    s3cmd("put", "one", f"s3://{bucket}/folder/one")
    url = f"{bench.endpoint}/{bucket}/folder/one"
    assert status_of(url) == 403
    s3cmd("setacl", "--acl-public", f"s3://{bucket}/folder/one")
    assert status_of(url) == 200
    s3cmd("setacl", "--acl-private", f"s3://{bucket}/folder/one")
    assert status_of(url) == 403
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/folder/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    (bench.folder / "policy.json").write_text(policy)
    s3cmd("setpolicy", "policy.json", f"s3://{bucket}")
    assert status_of(url) == 200
    s3cmd("delpolicy", f"s3://{bucket}")
    assert status_of(url) == 403
    s3cmd("expire", "--expiry-days=7", "--expiry-prefix=logs/", f"s3://{bucket}")
    assert "<Days>7</Days>" in s3cmd("getlifecycle", f"s3://{bucket}")


@pytest.mark.proves("s3cmd", "presigned_urls")
def test_a_signed_url(s3cmd: Command, bench: Bench, bucket: str) -> None:
    (bench.folder / "one").write_text("one")
    s3cmd("put", "one", f"s3://{bucket}/one")
    url = s3cmd("signurl", f"s3://{bucket}/one", "+600").strip()
    with urllib.request.urlopen(url, timeout=30) as response:
        assert response.read() == b"one"
