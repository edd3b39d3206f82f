"""``atoll ring`` as an operator types it: files, output, and one line for every mistake."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from ring_topologies import build, grid

from ring import Ring
from ring.builder import Builder
from ring.cli import ring_group

DEVICE = {"region": 1, "zone": 1, "node": "n1", "port": 6200, "device": "d1", "weight": 100}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ring of four zones that was rebalanced at hour 1000."""
    path = tmp_path / "object.ring"
    builder = build(grid(1, 4, 1, 2), 6)
    builder.rebalance(1, 1_000)
    path.write_bytes(builder.dump())
    return path


def run(*words: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(ring_group, [str(word) for word in words], input=stdin)


def done(*words: object, stdin: str | None = None) -> str:
    result = run(*words, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def loaded(path: Path) -> Builder:
    return Builder.load(path.read_bytes())


def test_from_nothing_to_a_ring_that_nodes_can_use(tmp_path: Path) -> None:
    path = tmp_path / "object.ring"
    done("create", path, "--power", 6, "--replicas", 3, "--overload", 0.1)
    for zone in range(1, 5):
        done(
            "add", path, "--region", 1, "--zone", zone, "--node", f"10.0.0.{zone}",
            "--port", 6200, "--device", "sdb1", "--weight", 100,
        )  # fmt: skip
    report = json.loads(done("rebalance", path, "--seed", 7, "--json"))
    assert report["partitions_moved"] == 64
    assert report["balance"] == 0
    assert report["dispersion"] == 0
    assert "sound: 2^6 partitions, 3 replicas, 4 devices" in done("validate", path)
    ring = Ring.load(path.read_bytes())
    assert len({device.zone for device in ring.primaries(5)}) == 3


def test_same_words_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        path = tmp_path / name
        done("create", path, "--power", 6, "--replicas", 2)
        for node in ("n1", "n2", "n3"):
            done("add", path, "--node", node, "--port", 1, "--device", "d", "--weight", 1)
        done("rebalance", path, "--seed", 3)
        done("remove", path, 1)
        done("rebalance", path, "--seed", 4, "--now-hours", 480_000)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def device_lines(*changes: dict[str, Any]) -> str:
    return "\n".join(json.dumps({**DEVICE, **change}) for change in changes)


def test_many_devices_come_from_json_lines(path: Path, tmp_path: Path) -> None:
    lines = tmp_path / "devices.jsonl"
    lines.write_text(device_lines({}, {"device": "d2"}) + "\n\n" + device_lines({"port": 7}))
    assert done("add", path, "--from", lines).startswith("added 3")
    assert done("add", path, "--from", "-", stdin=device_lines({"port": 8})).startswith("added 1")
    assert [d.port for d in loaded(path).devices[8:] if d] == [6200, 6200, 7, 8]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (device_lines({}, {}), "devices.jsonl:2: the ring has a device n1:6200/d1"),
        (device_lines({}) + "\n{", "devices.jsonl:2: not JSON"),
        (device_lines({}) + "\n\n[]", "devices.jsonl:3: a device must be a JSON object"),
        (device_lines({"weight": float("nan")}), "devices.jsonl:1: weight must be"),
        (device_lines({"id": 3}), "devices.jsonl:1: a device has no 'id'"),
        ('{"region": 1}', "devices.jsonl:1: a device needs device, node, port, weight, zone"),
        ('{"region": "\xff', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_list_adds_nothing(path: Path, tmp_path: Path, text: str, complaint: str) -> None:
    lines = tmp_path / "devices.jsonl"
    lines.write_bytes(text.encode("latin-1"))
    assert_refused(path, complaint, "add", path, "--from", lines)


def assert_refused(path: Path, complaint: str, *words: object) -> None:
    """One line on standard error, exit code 2, and the file is as it was."""
    before = path.read_bytes()
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert complaint in result.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["create", "PATH", "--power", 6, "--replicas", 3], "there is a file already"),
        (["create", "PATH.x", "--power", 0, "--replicas", 3], "power must be"),
        (["create", "PATH.x", "--power", "six", "--replicas", 3], "not a valid integer"),
        (["create", "PATH.x", "--power", 6], "Missing option '--replicas'"),
        (["create", "PATH.x/y", "--power", 6, "--replicas", 3], "PATH.x"),
        (["add", "PATH"], "a device needs device, node, port, weight"),
        (["add", "PATH", "--from", "x", "--zone", 1], "--from does not go with --zone"),
        (["add", "PATH", "--from", "/nowhere"], "/nowhere: there is no such file"),
        (["set-weight", "PATH", 99, 1], "no device 99"),
        (["set-weight", "PATH", "n:1/x", 1], "no device 'n:1/x'"),
        (["set-weight", "PATH", 1, "heavy"], "not a valid float"),
        (["set-weight", "PATH", 1, "nan"], "weight must be"),
        (["set-weight", "PATH", 1, "--", "-5"], "weight must be"),
        (["set-weight", "PATH", "9" * 5000, 1], "no device"),
        (["remove", "PATH"], "Missing argument"),
        (["remove", "PATH", 1, 1], "leaving"),
        (["set", "PATH"], "set needs"),
        (["set", "PATH", "--replicas", 0], "replicas must be"),
        (["rebalance", "PATH.x"], "there is no such file"),
        (["rebalance", "PATH", "--seed", "x"], "not a valid integer"),
        (["rebalance", "PATH", "--now-hours", "nan"], "now must be"),
        (["rebalance", "/"], "/"),
        (["export", "PATH", "PATH.x/y"], "PATH.x"),
        (["import", "PATH.x", "PATH.y"], "there is no such file"),
        (["import", "PATH", "PATH"], "there is a file already"),
        (["explode", "PATH"], "No such command"),
        (["show", "PATH", "--loud"], "No such option"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(
    path: Path, words: list[object], complaint: str
) -> None:
    said = [str(word).replace("PATH", str(path)) for word in words]
    assert_refused(path, complaint.replace("PATH", str(path)), *said)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_too_few_devices_are_one_line(path: Path) -> None:
    done("remove", path, 0, 1, 2, 3, 4, 5)
    assert_refused(path, "3 replicas need as many devices with weight", "rebalance", path)
    assert_refused(path, "3 replicas need as many devices with weight", "preview", path)


@pytest.mark.parametrize("verb", ["rebalance", "show", "validate", "preview"])
def test_a_damaged_file_is_one_line(path: Path, verb: str) -> None:
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    assert_refused(path, "the ring file is damaged", verb, path)
    path.write_bytes(b"\x1f\x8bnonsense")
    assert_refused(path, str(path), verb, path)
    path.write_bytes(b"")
    assert_refused(path, "not a ring file", verb, path)


def test_a_change_in_between_is_not_overwritten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meddle(builder: Builder, *_: object, **__: object) -> None:
        other = loaded(path)
        other.set_weight(3, 1)
        path.write_bytes(other.dump())

    monkeypatch.setattr(Builder, "remove_device", meddle)
    result = run("remove", path, 1)
    assert result.exit_code == 2
    assert "changed meanwhile" in result.stderr
    device = loaded(path).devices[3]
    assert device is not None
    assert device.weight == 1


def test_devices_go_by_id_or_address(path: Path) -> None:
    done("set-weight", path, "10.0.2.0:6200/d5", 150)
    done("set-weight", path, 6, 50)
    assert [d.weight for d in loaded(path).devices if d][4:] == [100, 150, 50, 100]
    done("remove", path, "10.0.2.0:6200/d5", 0)
    assert [d.leaving for d in loaded(path).devices if d].count(True) == 2


def test_set_changes_settings(path: Path) -> None:
    done("set", path, "--replicas", 2.5, "--overload", 0.2, "--min-part-hours", 24)
    builder = loaded(path)
    assert (builder.replicas, builder.overload, builder.min_part_hours) == (2.5, 0.2, 24)


def test_preview_says_what_rebalance_does(path: Path) -> None:
    done("remove", path, 0)
    before = path.read_bytes()
    words = ("--seed", 3, "--now-hours", 2_000)
    preview = json.loads(
        done("preview", path, *words, "--partition-bytes", 100, "--device-rate", 10, "--json")
    )
    text = done("preview", path, *words, "--partition-bytes", 100, "--device-rate", 10)
    assert path.read_bytes() == before
    report = json.loads(done("rebalance", path, *words, "--json"))
    assert preview["report"] == report
    assert preview["bytes_moved"] == 100 * report["replicas_moved"] > 0
    assert f"bytes to move: {preview['bytes_moved']}" in text
    assert "copies that stay in place: 2" in text
    assert f"time of the busiest device: {preview['seconds']:.0f} s" in text


def test_replicas_that_wait_are_told_and_can_be_hurried(path: Path) -> None:
    done("remove", path, 0)
    done("rebalance", path, "--now-hours", 2_000)
    done("remove", path, 2)
    text = done("rebalance", path, "--now-hours", 2_000)
    assert "replicas wait on devices that should be empty" in text
    assert "leaving" in done("show", path)
    done("set", path, "--replicas", 2)
    assert "3 of 2 replicas so far" in done("rebalance", path, "--now-hours", 2_000)
    text = done("rebalance", path, "--now-hours", 2_000, "--ignore-min-part-hours")
    assert "so far" not in text


def test_the_clock_is_the_worlds(path: Path) -> None:
    done("remove", path, 0)
    done("rebalance", path)
    moved = max(loaded(path)._moved_hours)
    assert moved > 480_000  # 2024
    done("set-weight", path, 1, 10)
    assert json.loads(done("rebalance", path, "--json"))["replicas_moved"] >= 0


def test_show_tells_all(path: Path) -> None:
    facts = json.loads(done("show", path, "--json"))
    assert facts["power"] == 6
    assert facts["lineage"] == loaded(path).lineage
    assert facts["devices"][3]["partitions"] == 24
    assert sum(device["partitions"] for device in facts["devices"]) == 3 * 64
    text = done("show", path)
    assert facts["lineage"] in text
    assert "10.0.3.0:6200/d7" in text


def test_a_new_ring_is_shown_but_not_valid(tmp_path: Path) -> None:
    path = tmp_path / "new.ring"
    done("create", path, "--power", 4, "--replicas", 1)
    assert "lineage         -" in done("show", path)
    assert_refused(path, "rebalance it first", "validate", path)


@pytest.mark.parametrize("version", [1, 2])
def test_to_swift_and_back(path: Path, tmp_path: Path, version: int) -> None:
    swift, back = tmp_path / "object.ring.gz", tmp_path / "back.ring"
    done("export", path, swift, "--swift-version", version)
    assert "sound: 2^6 partitions" in done("validate", swift)
    assert_refused(swift, "import it first", "set-weight", swift, 1, 5)
    done("import", swift, back)
    ours, theirs = Ring.load(path.read_bytes()), Ring.load(back.read_bytes())
    assert ours.rows == theirs.rows
    assert ours.devices == theirs.devices
    assert json.loads(done("rebalance", back, "--json"))["replicas_moved"] == 0


DOCS = Path(__file__).parents[2].joinpath("docs", "ring.md").read_text(encoding="utf-8")


def test_every_verb_and_option_is_in_the_docs() -> None:
    for verb, command in ring_group.commands.items():
        assert f"atoll ring {verb}" in DOCS
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in DOCS, (verb, parameter.opts)


def test_the_walk_through_of_the_docs_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = "".join(re.findall(r"```console\n(.*?)```", DOCS, re.DOTALL))
    steps = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", shown, re.MULTILINE)
    assert len(steps) >= 8
    for words, output in steps:
        if words.startswith("cat "):
            Path(words.removeprefix("cat ")).write_text(output)
        else:
            assert words.startswith("atoll ring ")
            assert done(*shlex.split(words)[2:]) == output
