"""Object lock: what protects a version, and from what; pure rules over its system metadata.

After "Locking objects with Object Lock", Amazon S3 User Guide. Time is that of the write that is
judged, so that every replica comes to the same verdict.
"""

from __future__ import annotations

from collections.abc import Mapping

MODE = "x-object-lock-mode"
UNTIL = "x-object-lock-until"
HOLD = "x-object-lock-hold"
GOVERNANCE = "GOVERNANCE"
COMPLIANCE = "COMPLIANCE"

System = Mapping[str, str]


def is_held(system: System) -> bool:
    """Tell whether a legal hold is on: nothing ends it but its removal."""
    return system.get(HOLD) == "ON"


def retained_until_s(system: System) -> int:
    """Return when the retention ends, in seconds since 1970; 0 where there is none."""
    return int(system.get(UNTIL, 0)) if MODE in system else 0


def protects(system: System, now_s: float, *, bypass_governance: bool) -> bool:
    """Tell whether a version may not be removed now."""
    if is_held(system):
        return True
    is_waived = bypass_governance and system.get(MODE) == GOVERNANCE
    return retained_until_s(system) > now_s and not is_waived


def forbids(held: System, wanted: System, now_s: float, *, bypass_governance: bool) -> bool:
    """Tell whether a retention may not become what is wanted; a legal hold may always change.

    A retention may be made longer by anybody. To shorten or remove it, or to change its mode,
    takes a bypass where the mode is GOVERNANCE, and is never allowed where it is COMPLIANCE.
    """
    if retained_until_s(held) <= now_s:
        return False
    if bypass_governance and held.get(MODE) == GOVERNANCE:
        return False
    is_weaker = retained_until_s(wanted) < retained_until_s(held)
    return is_weaker or wanted.get(MODE) != held.get(MODE)
