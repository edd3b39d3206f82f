"""rclone: trees, large files, copies on the server, and the times of files kept as metadata."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from bench import MIB, TREE, Bench, contents, make_tree, random_bytes

pytestmark = pytest.mark.slow
Command = Callable[..., str]
IN_PARTS = ("--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", "--s3-copy-cutoff", "5M")


@pytest.fixture
def rclone(bench: Bench) -> Command:
    """Run `rclone` with arguments; the remote `atoll:` is the cloud."""
    bench.variables |= {
        "RCLONE_CONFIG_ATOLL_TYPE": "s3",
        "RCLONE_CONFIG_ATOLL_PROVIDER": "Other",
        "RCLONE_CONFIG_ATOLL_ENV_AUTH": "true",
        "RCLONE_CONFIG_ATOLL_ENDPOINT": bench.endpoint,
    }
    return lambda *arguments, **how: bench.run("rclone", *arguments, **how)


@pytest.mark.proves("rclone", "sync", "metadata", "listing", "objects")
def test_a_tree_is_synced_and_checked(rclone: Command, bench: Bench, bucket: str) -> None:
    tree, remote = bench.folder / "tree", f"atoll:{bucket}/tree"
    make_tree(tree)
    os.utime(tree / "plain.txt", (1_000_000_000, 1_000_000_000.5))
    rclone("sync", "tree", remote)
    rclone("check", "--download", "tree", remote)
    (known,) = json.loads(rclone("lsjson", f"{remote}/plain.txt"))
    assert datetime.fromisoformat(known["ModTime"]).timestamp() == 1_000_000_000.5
    assert rclone("check", "--combined", "-", "tree", remote).count("= ") == len(TREE)
    (tree / "plain.txt").write_text("changed")
    (tree / "empty").unlink()
    rclone("sync", "tree", remote)
    rclone("sync", remote, "down")
    assert contents(bench.folder / "down") == contents(tree)
    assert (bench.folder / "down" / "plain.txt").stat().st_mtime == pytest.approx(
        (tree / "plain.txt").stat().st_mtime, abs=1e-6
    )
    rclone("purge", remote)
    assert rclone("lsf", "-R", f"atoll:{bucket}") == ""


@pytest.mark.proves("rclone", "multipart_upload", "multipart_download", "copy", "unknown_length")
def test_a_large_file(rclone: Command, bench: Bench, s3: Any, bucket: str) -> None:
    body = random_bytes(17 * MIB + 1)
    (bench.folder / "large").write_bytes(body)
    rclone("copyto", "large", f"atoll:{bucket}/large", *IN_PARTS)
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-4"')
    rclone("moveto", f"atoll:{bucket}/large", f"atoll:{bucket}/moved", *IN_PARTS)
    rclone(
        "copyto", f"atoll:{bucket}/moved", "down", "--multi-thread-cutoff", "1M",
        "--multi-thread-streams", "4",
    )  # fmt: skip
    assert (bench.folder / "down").read_bytes() == body
    script = f"cat large | rclone rcat atoll:{bucket}/piped --streaming-upload-cutoff 1M"
    bench.run("sh", "-c", script)
    assert s3.get_object(Bucket=bucket, Key="piped")["Body"].read() == body
    assert sorted(rclone("lsf", f"atoll:{bucket}").split()) == ["moved", "piped"]
