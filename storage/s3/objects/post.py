"""PostObject: the upload of a browser's form, under a policy that somebody has signed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from storage.object.record import ObjectRecord
from storage.proxy.engine import Attributes
from storage.s3.addressing import Address
from storage.s3.authentication import find_key
from storage.s3.authorization import Resource
from storage.s3.encryption.service import Encryption
from storage.s3.errors import Header, S3Error
from storage.s3.granting import Granting
from storage.s3.objects.attributes import new_attributes
from storage.s3.objects.headers import checksum_system, quoted_etag
from storage.s3.objects.key_limits import check_key
from storage.s3.objects.lock_rights import authorize_lock
from storage.s3.objects.multipart import object_location
from storage.s3.objects.post_form import Form, read_form
from storage.s3.objects.tags import TAGS, format_stored, parse_xml
from storage.s3.objects.versions import versioning_of
from storage.s3.objects.write import written_headers
from storage.s3.operations import Level
from storage.s3.replication.pending import pending
from storage.s3.request import Request
from storage.s3.response import XML, Response
from storage.s3.routes import Handler
from storage.s3.services import Services
from storage.s3.signing.post_claim import read_post_claim
from storage.s3.signing.post_policy import PostPolicy, read_policy
from storage.s3.xml import XmlError, parse
from storage.s3.xml import document as xml_document

_NS_PER_S = 1e9
_KEPT_HEADERS = frozenset((b"host", b"origin", b"referer", b"user-agent"))
"""Headers of the request itself, which policies look at beside those that the form stands for."""
_STATUSES = ("200", "201", "204")


def handlers(services: Services) -> Mapping[str, Handler]:
    """Return the handlers of this module by operation."""
    return {"PostObject": Posts(services).create}


class Posts:
    """Stores the files of forms.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._engine = services.engine
        self._keys = services.keys
        self._sessions = services.sessions
        self._names = services.names
        self._authorizer = services.authorizer
        self._clock = services.world.clock
        self._settings = services.settings
        self._configurations = services.configurations
        self._encryption = Encryption(services)
        self._granting = Granting(services.engine, services.settings)

    async def create(self, request: Request) -> Response:
        """PostObject. On cancel: the outcome is unknown; never half an object."""
        form = await read_form(request)
        policy = await self._admit(request, form)
        key = request.key
        headers = request.headers
        now_s = self._clock.wall_ns() / _NS_PER_S
        given = new_attributes(headers, request.existing, now_s)
        acl = await self._granting.for_object(request, request.existing, headers)
        tagging = {TAGS: format_stored(request.tags)} if request.tags else {}
        given = given._replace(system={**given.system, **acl, **tagging})
        status = await pending(self._configurations, request.existing, key, given)
        given = given._replace(system={**given.system, **status})
        etag = form.file.expect(headers, policy)
        sealing = await self._encryption.of_new(request)

        def attributes() -> Attributes:
            return given._replace(system={**given.system, **checksum_system(form.file.finish())})

        upload = sealing.take(attributes, form.file, None, etag)
        record = await self._engine.put_object(
            request.existing,
            key,
            upload.attributes,
            upload.body,
            etag=upload.etag,
            versioned=versioning_of(request.existing),
        )
        request.more_headers += sealing.headers
        return _answer(request, form.fields, record)

    async def _admit(self, request: Request, form: Form) -> PostPolicy | None:
        """Find out who signed a form, and see that it may do what it asks for.

        Raises:
            S3Error: the signature or the policy is not valid, or does not allow it.
        """
        fields = form.fields
        key = _key(fields)
        claim = read_post_claim(fields, allow_v2=self._settings.signature_v2)
        policy = None
        if claim is not None:
            found = await find_key(self._keys, self._sessions, claim.access_key, claim.token)
            claim.check_terms(self._settings.region)
            claim.check_signature(found.secret)
            request.access_key, request.identity = found, found.identity
            request.scope["atoll"]["user"] = found.identity.user
            policy = read_policy(claim.policy)
            policy.check(fields, request.bucket, self._clock.wall_ns() // 10**9)
        request.headers = {
            name: value for name, value in request.headers.items() if name in _KEPT_HEADERS
        } | form.headers
        request.address = Address(Level.OBJECT, request.bucket, key)
        request.container = await self._names.find(request.bucket, request.identity)
        request.tags = _tags(fields)
        resource = Resource(request.existing, request.bucket, request.key)
        await self._authorizer.authorize(request, "s3:PutObject", resource)
        await authorize_lock(self._authorizer, request)
        return policy


def _key(fields: Mapping[str, str]) -> str:
    key = fields.get("key", "")
    if not key:
        text = (
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the "
            "order of the fields."
        )
        raise S3Error("InvalidArgument", text, ArgumentName="key", ArgumentValue="")
    check_key(key)
    return key


def _tags(fields: Mapping[str, str]) -> dict[str, str]:
    document = fields.get("tagging")
    if not document:
        return {}
    try:
        return parse_xml(parse(document.encode(), "Tagging"))
    except XmlError as error:
        raise S3Error("MalformedXML") from error


def _answer(request: Request, fields: Mapping[str, str], record: ObjectRecord) -> Response:
    headers = written_headers(request, record)
    redirect = _redirect(fields, request.bucket, record)
    if redirect is not None:
        return Response(303, [*headers, (b"Location", redirect)])
    location = object_location(request)
    headers.append((b"Location", location.encode("ascii")))
    status = fields.get("success_action_status", "")
    if status != "201":
        return Response(int(status) if status in _STATUSES else 204, headers)
    content = (
        ("Location", location),
        ("Bucket", request.bucket),
        ("Key", request.key),
        ("ETag", quoted_etag(record)),
    )
    more: list[Header] = [XML, *headers]
    return Response(201, more, xml_document("PostResponse", content, namespace=""))


def _redirect(fields: Mapping[str, str], bucket: str, record: ObjectRecord) -> bytes | None:
    """Return where a browser shall go, with what was stored; nothing where no page is named."""
    url = fields.get("success_action_redirect") or fields.get("redirect") or ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isascii():
        return None
    query = parse_qsl(parts.query, keep_blank_values=True)
    query += (("bucket", bucket), ("key", record.name), ("etag", quoted_etag(record)))
    target = urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
    return target.encode("ascii") if target.isprintable() else None
