"""The check that guards data safety.

Unlike ``assert`` it is not removed by ``python -O``, and it carries the facts that an operator
needs. It must never be used for bad input: a caller's mistake is an error of its own.
"""

from __future__ import annotations


class InvariantError(Exception):
    """The program found itself in a state that its design rules out; we are at fault.

    Attributes:
        message: what should have been true.
        facts: the values that show it was not.
    """

    def __init__(self, message: str, facts: dict[str, object]) -> None:
        self.message = message
        self.facts = facts
        shown = ", ".join(f"{name}={value!r}" for name, value in facts.items())
        super().__init__(f"{message} ({shown})" if shown else message)


def invariant(condition: object, message: str, **facts: object) -> None:
    """Raise `InvariantError` unless the condition holds.

    Args:
        condition: tested for truth.
        message: what should have been true, as a statement.
        facts: values to show with the message.

    Raises:
        InvariantError: the condition is false.
    """
    if not condition:
        raise InvariantError(message, facts)
