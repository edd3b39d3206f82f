"""In which order role instances start and stop; decisions only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from atoll.invariant import invariant
from atoll.roles import RoleInstance
from atoll.supervisor.policy import OVER, Life, Phase

START_DEATHS_MAX = 5


def check_instances(instances: Sequence[RoleInstance]) -> None:
    """Check that names are unique and that each comes after earlier ones only (so no circles).

    Raises:
        InvariantError: a layer's bootstrap contradicts itself.
    """
    seen: set[str] = set()
    for instance in instances:
        invariant(instance.name not in seen, "a name is used once", name=instance.name)
        unknown = set(instance.after) - seen
        invariant(not unknown, "an instance comes after listed ones", unknown=sorted(unknown))
        seen.add(instance.name)


def may_enter(instance: RoleInstance, lives: Mapping[str, Life]) -> bool:
    """Return whether an instance may enter its ``main``.

    It may once all those before it were ready or had their chance: one broken disk must not keep
    the others from being served.
    """
    return all(lives[name].tried for name in instance.after)


def may_stop(
    instance: RoleInstance, instances: Iterable[RoleInstance], lives: Mapping[str, Life]
) -> bool:
    """Return whether all those that come after an instance are gone."""
    return all(
        lives[other.name].phase in OVER for other in instances if instance.name in other.after
    )


def is_up(instances: Iterable[RoleInstance], lives: Mapping[str, Life]) -> bool:
    """Return whether the cloud serves: all had their chance, and one of each role runs."""
    instances = list(instances)
    running = {one.role for one in instances if lives[one.name].phase is Phase.RUNNING}
    return all(life.tried for life in lives.values()) and running == {one.role for one in instances}


def lost_role(instances: Iterable[RoleInstance], lives: Mapping[str, Life]) -> str | None:
    """Return a role of which every instance has refused to serve, or None."""
    return _role_of_which_all(instances, lives, lambda life: life.phase is Phase.REFUSED)


def hopeless_role(instances: Iterable[RoleInstance], lives: Mapping[str, Life]) -> str | None:
    """Return a role of which every instance keeps dying, or None; for a cloud that starts."""
    return _role_of_which_all(instances, lives, lambda life: life.deaths_in_row >= START_DEATHS_MAX)


def _role_of_which_all(
    instances: Iterable[RoleInstance],
    lives: Mapping[str, Life],
    condition: Callable[[Life], bool],
) -> str | None:
    all_do: dict[str, bool] = {}
    for one in instances:
        all_do[one.role] = all_do.get(one.role, True) and condition(lives[one.name])
    return next((role for role, do in all_do.items() if do), None)
