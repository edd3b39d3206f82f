"""Names that the operator does not want (OpenStack Swift, `swift.common.middleware.name_check`)."""

from __future__ import annotations

import re

from storage.swift.response import SwiftError
from storage.swift.settings import SwiftSettings


class NameRules:
    """Judges paths.

    Args:
        settings: characters, length and pattern.
    """

    def __init__(self, settings: SwiftSettings) -> None:
        self._characters = settings.forbidden_characters
        self._length_max = settings.path_length_max
        self._pattern = re.compile(settings.forbidden_pattern or r"\Z.")

    @staticmethod
    def are_set(settings: SwiftSettings) -> bool:
        """Tell whether the operator minds any names."""
        return bool(
            settings.forbidden_characters or settings.forbidden_pattern or settings.path_length_max
        )

    def check(self, path: str) -> None:
        """Refuse a path, decoded, from its first slash on.

        Raises:
            SwiftError: 400.
        """
        about = "Object/Container/Account name"
        if not self._characters_of(path).isdisjoint(self._characters):
            raise SwiftError(400, f"{about} contains forbidden chars from {self._characters}")
        if self._length_max and len(path.encode()) > self._length_max:
            raise SwiftError(400, f"{about} longer than the allowed maximum {self._length_max}")
        if self._pattern.search(path):
            text = f"{about} contains a forbidden substring from regular expression "
            raise SwiftError(400, text + self._pattern.pattern)

    @staticmethod
    def _characters_of(path: str) -> set[str]:
        return set(path)
