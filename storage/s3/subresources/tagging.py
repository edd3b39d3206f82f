"""Tags of buckets (GetBucketTagging and its kin); they mean something to people only."""

from __future__ import annotations

from storage.s3.objects.tags import parse_xml
from storage.s3.subresources.documents import DocumentKind, parse_document

COUNT_MAX = 50


def parse_tagging(data: bytes) -> dict[str, str]:
    """Return the tags in a document Tagging.

    Raises:
        S3Error: MalformedXML, InvalidTag or BadRequest.
    """
    return parse_xml(parse_document(data, "Tagging"), COUNT_MAX)


TAGGING = DocumentKind("tagging", parse_tagging, "NoSuchTagSet", "BucketTagging", 204)
