"""restic: a repository in a bucket, from the first backup to the pruning of old ones."""

import json

import pytest
from bench import Bench, contents, make_tree, random_bytes

pytestmark = pytest.mark.slow


@pytest.mark.proves("restic", "backup", "multipart_upload")
def test_a_backup_is_checked_restored_and_pruned(bench: Bench, bucket: str) -> None:
    def restic(*arguments: str) -> str:
        return bench.run("restic", "--no-cache", *arguments)

    bench.variables |= {
        "RESTIC_REPOSITORY": f"s3:{bench.endpoint}/{bucket}/repository",
        "RESTIC_PASSWORD": "a password",
    }
    tree = bench.folder / "tree"
    make_tree(tree)
    first = contents(tree)
    restic("init")
    restic("backup", "tree")
    (tree / "large").write_bytes(random_bytes(3_000_000, seed=99))
    (tree / "plain.txt").unlink()
    second = contents(tree)
    restic("backup", "tree")
    older, newer = json.loads(restic("snapshots", "--json"))
    for snapshot, files in ((older, first), (newer, second)):
        target = bench.folder / str(snapshot["short_id"])
        restic("restore", snapshot["short_id"], "--target", str(target))
        assert contents(target / "tree") == files
    restic("check", "--read-data")
    restic("forget", "--keep-last", "1", "--prune")
    restic("check", "--read-data")
    assert [one["id"] for one in json.loads(restic("snapshots", "--json"))] == [newer["id"]]
    restic("restore", "latest", "--target", str(bench.folder / "again"))
    assert contents(bench.folder / "again" / "tree") == second
