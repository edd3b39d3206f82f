"""What a container says about the web site that it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from storage.object.record import ObjectRecord
from storage.swift.text import encode, is_true

_PREFIX = "x-container-meta-web-"
_DIRECTORY_TYPE = "application/directory"
_DIRECTORY_SIZE_BYTES_MAX = 1


@dataclass(frozen=True, slots=True)
class WebSite:
    """The settings of a site, each empty where it is not set.

    Attributes:
        index: name of the object that stands for a directory.
        error: ending of the names of error pages, behind the status.
        listings: whether directories without an index are listed.
        listings_css: style sheet of listings.
        listings_label: what listings call the site.
        directory_type: content type of empty objects that stand for directories.
    """

    index: str = ""
    error: str = ""
    listings: str = ""
    listings_css: str = ""
    listings_label: str = ""
    directory_type: str = ""

    @property
    def is_site(self) -> bool:
        """Whether the container is a web site at all."""
        return bool(self.index or self.listings)

    @property
    def has_listings(self) -> bool:
        """Whether directories are listed."""
        return is_true(encode(self.listings))

    def is_directory(self, record: ObjectRecord) -> bool:
        """Tell whether an object only stands for a directory."""
        kind = self.directory_type or _DIRECTORY_TYPE
        return record.content_type == kind and record.size_bytes <= _DIRECTORY_SIZE_BYTES_MAX


def site_of(values: Mapping[str, str]) -> WebSite:
    """Return the site that a container's metadata describes."""
    names = (field.name.replace("_", "-") for field in fields(WebSite))
    return WebSite(*(values.get(_PREFIX + name, "").strip() for name in names))
