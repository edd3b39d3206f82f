"""Errors whose guilty side is the operator: what was asked for or configured cannot be."""

from __future__ import annotations


class OperatorError(Exception):
    """One line says what the operator must change; nothing was changed by us."""


class ConfigError(OperatorError):
    """A setting cannot be used.

    Attributes:
        where: the file or flag that holds the setting.
        setting: its name as "section.name", or the section's.
    """

    def __init__(self, where: str, setting: str, reason: str) -> None:
        self.where = where
        self.setting = setting
        shown = setting if setting.isprintable() and setting else repr(setting)
        super().__init__(f"{where}: {shown}: {reason}")


class RefusedError(OperatorError):
    """A role found its configuration at odds with the cluster and will not serve.

    Raised out of a role's ``main`` it ends the process with `atoll.roles.EXIT_REFUSED`, after
    which the supervisor does not start it again. Say which value differs and where it is.
    """
