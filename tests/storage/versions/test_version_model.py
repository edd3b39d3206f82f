"""Versions against a model of AWS's semantics: any sequence of operations, one replica or more."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_store import memory_store
from trio.testing import MockClock
from version_model import Compared

from storage.proxy.engine import Versioning

NAMES = ("a", "a/b", "n" * 600)
SHAPES = [(1, 1), (3, 3), (4, 2)]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("put", "put", "put", "delete", "delete version", "delete version", "amend", "switch")
        ),
        st.sampled_from(NAMES),
        st.integers(0, 30),
    ),
    max_size=25,
)


async def run(steps: list[tuple[str, str, int]], devices: int, replicas: int) -> None:
    async with memory_store(devices=devices, replicas=replicas) as env:
        await env.store.create_container("AUTH_a", "c", {})
        container = await env.store.container("AUTH_a", "c")
        assert container is not None
        compared = Compared(env, container)
        versioned = Versioning.OFF
        for number, (kind, name, chance) in enumerate(steps):
            held = compared.model(name).versions
            chosen = held[chance % len(held)].id if held else b"null"
            if kind == "put":
                size = 2000 if chance > 27 else chance
                await compared.put(name, f"{number}".encode() + b"x" * size, versioned)
            elif kind == "delete":
                await compared.delete(name, versioned)
            elif kind == "delete version":
                await compared.delete_version(name, chosen if chance < 28 else b"null")
            elif kind == "amend":
                await compared.amend(name, chosen if chance % 2 else None, str(number))
            else:  # a bucket that was versioned never is without again
                is_on = versioned is Versioning.ENABLED
                versioned = Versioning.SUSPENDED if is_on else Versioning.ENABLED
        await compared.check()


@pytest.mark.slow
@pytest.mark.parametrize(("devices", "replicas"), SHAPES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps=STEPS)
def test_a_store_keeps_versions_as_aws_does(
    devices: int, replicas: int, steps: list[tuple[str, str, int]]
) -> None:
    trio.run(run, steps, devices, replicas, clock=MockClock(autojump_threshold=0))
