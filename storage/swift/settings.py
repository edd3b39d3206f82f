"""What an operator can set about the Swift API; `/info` tells it to clients."""

from __future__ import annotations

from dataclasses import dataclass

from storage.container.listing import LIMIT_MAX
from storage.path import ACCOUNT_NAME_BYTES_MAX, CONTAINER_NAME_BYTES_MAX, OBJECT_NAME_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class SwiftSettings:
    """Limits and names of the Swift API; the defaults are Swift's own.

    Attributes:
        object_size_bytes_max: largest object that one PUT may store.
        object_name_bytes_max: longest name of an object.
        container_name_bytes_max: longest name of a container.
        account_name_bytes_max: longest name of an account.
        metadata_count_max: most metadata items that an account, container or object may have.
        metadata_name_bytes_max: longest name of an item, without its prefix.
        metadata_value_bytes_max: longest value of an item.
        metadata_bytes_max: size of all items' names and values together.
        header_value_bytes_max: longest value of any header of a write.
        listing_entries_max: most entries of one listing page.
        policies: names of the storage policies in the order of their numbers.
        storage_url: where clients reach this API from outside, such as "https://store.example";
            empty takes the address that the client used.
    """

    object_size_bytes_max: int = 5 * 1024**3 + 2
    object_name_bytes_max: int = OBJECT_NAME_BYTES_MAX
    container_name_bytes_max: int = CONTAINER_NAME_BYTES_MAX
    account_name_bytes_max: int = ACCOUNT_NAME_BYTES_MAX
    metadata_count_max: int = 90
    metadata_name_bytes_max: int = 128
    metadata_value_bytes_max: int = 256
    metadata_bytes_max: int = 4096
    header_value_bytes_max: int = 8192
    listing_entries_max: int = LIMIT_MAX
    policies: tuple[str, ...] = ("Policy-0",)
    storage_url: str = ""

    def __post_init__(self) -> None:
        """Check what the store beneath cannot exceed.

        Raises:
            ValueError: a setting is out of its bounds.
        """
        bounds = (
            ("object_name_bytes_max", OBJECT_NAME_BYTES_MAX),
            ("container_name_bytes_max", CONTAINER_NAME_BYTES_MAX),
            ("account_name_bytes_max", ACCOUNT_NAME_BYTES_MAX),
            ("listing_entries_max", LIMIT_MAX),
        )
        for name, highest in bounds:
            if not 1 <= getattr(self, name) <= highest:
                raise ValueError(f"{name} must be from 1 to {highest}")
        if not self.policies:
            raise ValueError("policies must name at least one storage policy")
