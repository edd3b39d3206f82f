"""Rare branches, named where they are: a report of the simulation lists those no seed reached.

A branch counts in a plain integer, so it may stand on any path that is not taken for every request.
"""

from __future__ import annotations


class Branch:
    """A place in the code that tests must not miss.

    Args:
        name: what happens there, as a statement.

    Attributes:
        name: as given.
        count: how often it was reached in this process.
    """

    __slots__ = ("count", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        _branches.append(self)

    def reached(self) -> None:
        """Count that it was reached."""
        self.count += 1


_branches: list[Branch] = []


def branches() -> dict[str, int]:
    """Return how often each branch of the modules loaded so far was reached, by name."""
    return {branch.name: branch.count for branch in _branches}
