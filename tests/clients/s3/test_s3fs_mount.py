"""s3fs: a bucket as a folder, where the machine has FUSE."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from bench import MIB, Bench, contents, make_tree, random_bytes
from running_cloud import wait_for

pytestmark = pytest.mark.slow


def skip_without_fuse() -> None:
    """Skip the test where no file system of a user's can be mounted."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        pytest.skip(f"this machine has no FUSE: {error}")


@contextmanager
def mounted(bench: Bench, bucket: str, *options: str) -> Iterator[Path]:
    """Mount a bucket; s3fs runs in the foreground, so that it ends with the test."""
    folder = bench.folder / "mount"
    folder.mkdir(exist_ok=True)
    bench.variables |= {  # s3fs's own names
        "AWSACCESSKEYID": bench.variables["AWS_ACCESS_KEY_ID"],
        "AWSSECRETACCESSKEY": bench.variables["AWS_SECRET_ACCESS_KEY"],
    }
    log = bench.folder / "s3fs.log"
    with log.open("wb") as output:
        s3fs = subprocess.Popen(
            ["s3fs", bucket, folder, "-f", "-o", ",".join(("multipart_size=10", *options))],
            env=bench.variables,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: folder.is_mount() or s3fs.poll() is not None)
        told = log.read_text()
        if s3fs.poll() is not None and "mount failed: Operation not permitted" in told:
            pytest.skip(f"this machine does not let FUSE mount: {told}")
        assert s3fs.poll() is None, told
        yield folder
    finally:
        subprocess.run(["fusermount", "-u", folder], check=False, capture_output=True)
        with suppress(subprocess.TimeoutExpired):
            s3fs.wait(timeout=20)
        s3fs.kill()
        s3fs.wait()


@pytest.mark.proves("s3fs-fuse", "mount", "multipart_upload", "metadata", "listing")
def test_a_mounted_bucket_is_a_folder(bench: Bench, s3: Any, bucket: str) -> None:
    def stored(key: str) -> bytes:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    skip_without_fuse()
    body = random_bytes(25 * MIB + 1)
    with mounted(bench, bucket, f"url={bench.endpoint}", "use_path_request_style") as folder:
        make_tree(folder / "tree")
        (folder / "large").write_bytes(body)
        with (folder / "tree" / "plain.txt").open("ab") as file:
            file.write(b"and more")
        (folder / "tree" / "folder").rename(folder / "renamed")
        (folder / "large").rename(folder / "larger")
        with (folder / "larger").open("r+b") as file:
            file.seek(MIB)
            file.write(b"in place")
        (folder / "tree" / "empty").unlink()
        os.utime(folder / "larger", (1_000_000_000, 1_000_000_000))
        (folder / "larger").chmod(0o640)
        written = contents(folder)
    body = body[:MIB] + b"in place" + body[MIB + 8 :]
    assert stored("larger") == body
    assert stored("tree/plain.txt") == written["tree/plain.txt"]
    assert written["tree/plain.txt"].endswith(b"and more")
    # A new s3fs remembers nothing. This one asks bucket.localhost, which curl knows to be here.
    by_host = bench.endpoint.replace("127.0.0.1", "localhost")
    with mounted(bench, bucket, f"url={by_host}") as folder:
        assert contents(folder) == written
        assert sorted(os.listdir(folder)) == ["larger", "renamed", "tree"]
        known = (folder / "larger").stat()
        assert (known.st_mtime, known.st_mode & 0o777) == (1_000_000_000, 0o640)
        assert (folder / "larger").read_bytes() == body
