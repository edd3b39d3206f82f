"""Serves buckets as websites, to anybody whom policy and lists let read.

A site has a host of its own, a sub-domain of `s3.website_domains`. It knows GET and HEAD, no
signatures and no parameters, and its errors are pages for people.
"""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from urllib.parse import quote

from storage.object.record import ObjectRecord
from storage.proxy.errors import ObjectMissingError, StoreError
from storage.s3.addressing import Address, Addressing, decode_key
from storage.s3.authorization import Resource
from storage.s3.errors import Header, S3Error
from storage.s3.objects.attributes import REDIRECT
from storage.s3.objects.headers import object_headers
from storage.s3.operations import OPERATIONS, Level
from storage.s3.request import Request
from storage.s3.response import Response, of_store_error
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.subresources.cors import let_page_read
from storage.s3.website.configuration import Redirect, Website, parse_website
from storage.swift.text import encode

WEBSITE = "website"
_GET = "s3:GetObject"
_METHODS = ("GET", "HEAD")
_READ = next(operation for operation in OPERATIONS if operation.name == "GetObject")
_HTML: Header = (b"Content-Type", b"text/html; charset=utf-8")
_SEPARATORS = "/~-._"


class Sites:
    """Serves the websites of all buckets.

    Args:
        services: of the application.
        read: handles GetObject.
    """

    def __init__(self, services: Services, read: Handler) -> None:
        self._engine = services.engine
        self._names = services.names
        self._configurations = services.configurations
        self._authorizer = services.authorizer
        self._read = read
        self.bucket_of_host = Addressing(services.settings.website_domains).bucket_of_host

    async def answer(self, request: Request, bucket: str) -> Response | None:
        """Answer a request to a bucket's site; returns nothing where the response was sent."""
        key = ""
        try:
            if request.method not in _METHODS:
                raise S3Error("MethodNotAllowed", Method=request.method, ResourceType="OBJECT")
            key = decode_key(request.raw_path[1:])
            website = await self._find(request, bucket)
        except S3Error as error:
            return _page(error, request)
        if website.all_to is not None:
            return _redirect(request, website.all_to, key)
        try:
            return await self._serve(request, website, key)
        except (S3Error, StoreError) as error:
            if request.is_started:
                raise
            told = of_store_error(error, bucket, key) if isinstance(error, StoreError) else error
        return await self._fail(request, website, website.key_of(key), told)

    async def _find(self, request: Request, bucket: str) -> Website:
        """Return a bucket's site, and note the bucket in the request.

        Raises:
            S3Error: NoSuchBucket or NoSuchWebsiteConfiguration.
        """
        request.operation = _READ
        container = request.container = await self._names.find(bucket, None)
        request.address = Address(Level.BUCKET, bucket, "")
        if container is None:
            raise S3Error("NoSuchBucket", BucketName=bucket)
        if b"origin" in request.headers:
            await let_page_read(request, self._configurations)
        found = await self._configurations.get(container, WEBSITE, parse_website)
        if found is None:
            raise S3Error("NoSuchWebsiteConfiguration", BucketName=bucket)
        return found

    async def _serve(self, request: Request, website: Website, path: str) -> Response | None:
        """Serve what a path means.

        Raises:
            S3Error: it cannot be served.
        """
        key = website.key_of(path)
        rule = website.rule_for(key)
        if rule is not None:
            return _redirect(request, rule.redirect, rule.target(key))
        try:
            record = await self._allowed(request, key)
        except S3Error:
            folder = f"{path}/"
            if key != path or await self._is_absent(request, folder + website.suffix):
                raise
            location = f"/{quote(folder, safe=_SEPARATORS)}".encode("ascii")
            return Response(302, [(b"Location", location)])
        if REDIRECT in record.system:
            return Response(301, [(b"Location", encode(record.system[REDIRECT]))])
        request.address = Address(Level.OBJECT, request.bucket, key)
        return await self._read(request)

    async def _allowed(self, request: Request, key: str) -> ObjectRecord:
        """Return an object that anybody may read.

        Raises:
            S3Error: AccessDenied or NoSuchKey.
        """
        container = request.existing
        request.address = Address(Level.OBJECT, request.bucket, key)
        await self._authorizer.authorize(request, _GET, Resource(container, request.bucket, key))
        record = await self._engine.object(container, key)
        if record is None:
            raise S3Error("NoSuchKey", Key=key)
        return record

    async def _is_absent(self, request: Request, key: str) -> bool:
        try:
            await self._allowed(request, key)
        except S3Error:
            return True
        return False

    async def _fail(
        self, request: Request, website: Website, key: str, error: S3Error
    ) -> Response | None:
        """Answer a request that failed: by a rule, by the error document, or plainly."""
        rule = website.rule_for(key, error.status)
        if rule is not None:
            return _redirect(request, rule.redirect, rule.target(key))
        if website.error_key:
            try:
                return await self._show(request, website.error_key, error.status)
            except (S3Error, ObjectMissingError):
                if request.is_started:
                    raise
        return _page(error, request)

    async def _show(self, request: Request, key: str, status: int) -> Response | None:
        """Send an object under an error's status.

        Raises:
            S3Error: nobody may read it, or it is not there.
            ObjectMissingError: it was replaced meanwhile.
        """
        record = await self._allowed(request, key)
        headers = object_headers(record)
        if request.method == "HEAD":
            return Response(status, headers, length_bytes=record.size_bytes)
        async with self._engine.open(request.existing, record) as payload:
            if payload.whole is not None:
                return Response(status, headers, bytes(payload.whole))
            await request.start(status, headers, record.size_bytes)
            async for piece in payload.read(0, record.size_bytes):
                await request.send_piece(piece, more=True)
            await request.send_piece(b"", more=False)
        return None


def _redirect(request: Request, redirect: Redirect, key: str) -> Response:
    """Return the response that sends a client elsewhere."""
    host = redirect.host or request.header(b"host")
    protocol = redirect.protocol or request.scope.get("scheme") or "http"
    location = f"{protocol}://{host}/{quote(key, safe=_SEPARATORS)}"
    return Response(redirect.code, [(b"Location", encode(location))])


def _page(error: S3Error, request: Request) -> Response:
    """Return an error as a page."""
    title = f"{error.status} {HTTPStatus(error.status).phrase}"
    facts = [
        ("Code", error.code),
        ("Message", error.message),
        *error.extra.items(),
        ("RequestId", request.id),
        ("HostId", request.ids.host_id),
    ]
    listed = "".join(f"<li>{escape(name)}: {escape(str(value))}</li>\n" for name, value in facts)
    body = (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n"
        f"<ul>\n{listed}</ul>\n<hr/>\n</body>\n</html>\n"
    )
    headers = [_HTML, (b"x-amz-error-code", error.code.encode("ascii")), *error.headers]
    return Response(error.status, headers, body.encode())
