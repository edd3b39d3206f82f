"""What the handlers of objects ask about encryption."""

from __future__ import annotations

from collections.abc import Mapping

from storage.object.record import SEAL, ObjectRecord
from storage.proxy.engine import Unseal
from storage.s3.configuration import pointer_of
from storage.s3.encryption.asked import (
    Asked,
    read_asked,
    refuse_headers,
    seal_headers,
)
from storage.s3.encryption.customer import OF_SOURCE, OWN, CustomerHeaders, read_customer_key
from storage.s3.encryption.default import KIND, default_encryption
from storage.s3.encryption.seal import Mode, Place, seal_of
from storage.s3.encryption.sealing import PLAIN, Plain, Sealing
from storage.s3.errors import Header, S3Error
from storage.s3.request import Request
from storage.s3.services import Services

_NEEDS_KEY = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be "
    "provided to retrieve the object."
)
_NOT_APPLICABLE = "The encryption parameters are not applicable to this object."
_OTHER_KEY = "The provided encryption parameters did not match the ones used originally."
_PART_NEEDS_KEY = (
    "The multipart upload initiate requested encryption. Subsequent part requests must include "
    "the appropriate encryption parameters."
)
_NEEDS_TLS = (
    "Requests specifying Server Side Encryption with Customer provided keys must be made over a "
    "secure connection."
)


class Encryption:
    """The server-side encryption of objects.

    Args:
        services: of the application.
    """

    def __init__(self, services: Services) -> None:
        self._keyring = services.keyring
        self._configurations = services.configurations
        self._world = services.world
        self._requires_tls = services.settings.sse_c_requires_tls

    async def of_new(self, request: Request) -> Plain | Sealing:
        """Return the encryption of an object that a request makes: its own, or the bucket's.

        Raises:
            S3Error: a header is not valid, a key is not there, or the bucket blocks SSE-C.
        """
        bucket = request.existing
        asked = read_asked(request.headers)
        if pointer_of(bucket, KIND):
            default = await default_encryption(self._configurations, bucket)
            if default is not None:
                if asked is None:
                    asked = default.asked
                elif asked.customer is not None and default.blocks_customer_keys:
                    raise S3Error("AccessDenied")
        if asked is None:
            return PLAIN
        return self._sealing(request, asked)

    def of_part(self, request: Request, upload: Mapping[str, str]) -> Plain | Sealing:
        """Return the encryption of a part: that of its upload.

        Args:
            request: that stores the part.
            upload: system metadata of the upload.

        Raises:
            S3Error: InvalidRequest or InvalidArgument: it does not bring the key, or another one.
        """
        headers = request.headers
        refuse_headers(headers)
        seal, customer = seal_of(upload), read_customer_key(headers)
        if seal is None or seal.mode is not Mode.CUSTOMER:
            if customer is not None:
                raise S3Error("InvalidRequest", _NOT_APPLICABLE)
            if seal is None:
                return PLAIN
        elif customer is None:
            raise S3Error("InvalidRequest", _PART_NEEDS_KEY)
        elif not customer.opens(seal):
            raise S3Error("InvalidRequest", _OTHER_KEY)
        asked = Asked(seal.mode, seal.kms_key, seal.context, seal.bucket_key, customer)
        return self._sealing(request, asked)

    def of_existing(self, request: Request, record: ObjectRecord) -> Unseal | None:
        """Return what opens an object for a request, or nothing where the store can by itself.

        Raises:
            S3Error: InvalidRequest, the request does not bring the object's key, or brings one
                that the object does not have; AccessDenied, it brings another one.
        """
        refuse_headers(request.headers)
        return self._unseal(request, record, OWN)

    def of_source(self, request: Request, record: ObjectRecord) -> Unseal | None:
        """Return what opens the object that a request copies; see `of_existing`."""
        return self._unseal(request, record, OF_SOURCE)

    def headers(self, request: Request, record: ObjectRecord) -> list[Header]:
        """Return the headers that tell how an object is encrypted."""
        return self.headers_of(request, record.system)

    def headers_of(self, request: Request, system: Mapping[str, str]) -> list[Header]:
        """Return the headers that tell how an object with this system metadata is encrypted."""
        seal = seal_of(system)
        if seal is None:
            return []
        customer = read_customer_key(request.headers) if seal.mode is Mode.CUSTOMER else None
        return seal_headers(seal, customer)

    def _sealing(self, request: Request, asked: Asked) -> Sealing:
        if asked.customer is not None:
            self._check_transport(request)
        bucket = request.existing
        place = Place(bucket.account, bucket.name, request.key)
        return Sealing(asked, place, self._keyring, self._world)

    def _unseal(
        self, request: Request, record: ObjectRecord, names: CustomerHeaders
    ) -> Unseal | None:
        if SEAL not in record.system and names[0] not in request.headers:
            return None
        seal, customer = seal_of(record.system), read_customer_key(request.headers, names)
        if seal is None or seal.mode is not Mode.CUSTOMER:
            if customer is not None:
                raise S3Error("InvalidRequest", _NOT_APPLICABLE)
            if seal is not None:
                self._keyring.master(seal)  # says now what is wrong with it
            return None
        if customer is None:
            raise S3Error("InvalidRequest", _NEEDS_KEY)
        self._check_transport(request)
        if not customer.opens(seal):
            raise S3Error("AccessDenied", _OTHER_KEY)
        return customer.unseal

    def _check_transport(self, request: Request) -> None:
        if self._requires_tls and request.scope.get("scheme") != "https":
            raise S3Error("InvalidRequest", _NEEDS_TLS)
