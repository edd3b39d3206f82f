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
        bulk_deletes_max: most names in one bulk deletion.
        bulk_delete_failures_max: after how many failures a bulk deletion gives up.
        bulk_upload_containers_max: most containers that the upload of one archive makes.
        bulk_upload_failures_max: after how many failures the upload of an archive ends.
        slo_segments_max: most objects that a static large object is made of.
        slo_manifest_bytes_max: largest manifest of a static large object.
        cross_domain_policy: what /crossdomain.xml says; empty for no such file.
        forbidden_characters: that no path may have; empty for none.
        forbidden_pattern: a regular expression that no path may match; empty for none.
        path_length_max: most characters of a path; 0 for no limit but those of the names.
        storage_domains: hosts below which an account, or a container and an account, are hosts of
            their own: "container.AUTH_account.example.com" for "example.com".
        storage_domain_prefix: for accounts in hosts that do not begin with "AUTH_", such as
            "AUTH"; without it such hosts have no meaning.
        storage_domain_drops_version: whether "/v1" is taken off the path of such requests.
        read_only: whether nothing can be written.
        read_only_accounts: accounts that nothing can be written to.
        writable_accounts: accounts that can be written to all the same.
        read_only_allows_deletes: whether objects and containers may be deleted nevertheless.
        operator_networks: of clients that /recon/ and /endpoints/ answer.
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
    bulk_deletes_max: int = 10_000
    bulk_delete_failures_max: int = 1_000
    bulk_upload_containers_max: int = 10_000
    bulk_upload_failures_max: int = 1_000
    slo_segments_max: int = 1_000
    slo_manifest_bytes_max: int = 8 * 1024**2
    cross_domain_policy: str = '<allow-access-from domain="*" secure="false" />'
    forbidden_characters: str = ""
    forbidden_pattern: str = ""
    path_length_max: int = 0
    storage_domains: tuple[str, ...] = ()
    storage_domain_prefix: str = ""
    storage_domain_drops_version: bool = False
    read_only: bool = False
    read_only_accounts: tuple[str, ...] = ()
    writable_accounts: tuple[str, ...] = ()
    read_only_allows_deletes: bool = False
    operator_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
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
