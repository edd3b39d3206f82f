"""S3's errors: every code that this front door may answer, its status and its usual message.

The codes and statuses are those of "Error responses" in the Amazon S3 API Reference; the messages
are what the service itself sends, which differs from that page in places and is what people look
up. Errors whose message depends on the request are raised with one of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from storage.s3.xml import Content, document

Header = tuple[bytes, bytes]

_BAD_REQUEST: Final[Mapping[str, str]] = {
    "AccessControlListNotSupported": "The bucket does not allow ACLs",
    "AmbiguousGrantByEmailAddress": (
        "The e-mail address you provided is associated with more than one account."
    ),
    "AuthorizationHeaderMalformed": "The authorization header that you provided is not valid.",
    "AuthorizationQueryParametersError": (
        "The authorization query parameters that you provided are not valid."
    ),
    "BadDigest": "The Content-MD5 you specified did not match what we received.",
    "BadRequest": "Bad Request",
    "CredentialsNotSupported": "This request does not support credentials.",
    "DuplicatedTagKey": "Cannot provide multiple Tags with the same key",
    "EntityTooLarge": "Your proposed upload exceeds the maximum allowed size",
    "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed size",
    "ExpiredToken": "The provided token has expired.",
    "IllegalLocationConstraintException": (
        "The unspecified location constraint is incompatible for the region specific endpoint "
        "this request was sent to."
    ),
    "IllegalVersioningConfigurationException": (
        "The versioning configuration specified in the request is invalid."
    ),
    "IncompleteBody": "The request body terminated unexpectedly",
    "IncorrectNumberOfFilesInPostRequest": "POST requires exactly one file upload per request.",
    "InlineDataTooLarge": "Inline data exceeds the maximum allowed size",
    "InvalidArgument": "Invalid Argument",
    "InvalidBucketAclWithObjectOwnership": (
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
    ),
    "InvalidBucketName": "The specified bucket is not valid.",
    "InvalidBucketOwnerAWSAccountID": (
        "The value of the expected bucket owner parameter must be an AWS Account ID"
    ),
    "InvalidChunkSizeError": ("Only the last chunk is allowed to have a size less than 8192 bytes"),
    "InvalidDigest": "The Content-MD5 you specified was invalid.",
    "InvalidEncryptionAlgorithmError": (
        "The encryption request you specified is not valid. The valid value is AES256."
    ),
    "InvalidHostHeader": (
        "The host headers provided in the request used the incorrect style addressing."
    ),
    "InvalidHttpMethod": "The request is made using an unexpected HTTP method.",
    "InvalidLocationConstraint": "The specified location-constraint is not valid",
    "InvalidPart": (
        "One or more of the specified parts could not be found.  The part may not have been "
        "uploaded, or the specified entity tag may not match the part's entity tag."
    ),
    "InvalidPartOrder": (
        "The list of parts was not in ascending order. Parts must be ordered by part number."
    ),
    "InvalidPolicyDocument": (
        "The content of the form does not meet the conditions specified in the policy document."
    ),
    "InvalidRedirectLocation": "The website redirect location is not valid.",
    "InvalidRequest": "Invalid Request",
    "InvalidRetentionPeriod": "The retention period specified is invalid",
    "InvalidStorageClass": "The storage class you specified is not valid",
    "InvalidTag": "The tag provided was not a valid tag.",
    "InvalidTargetBucketForLogging": "The target bucket for logging does not exist",
    "InvalidToken": "The provided token is malformed or otherwise invalid.",
    "InvalidURI": "Couldn't parse the specified URI.",
    "KMS.DisabledException": "The request was rejected because the specified key is not enabled.",
    "KMS.NotFoundException": "The request was rejected because the specified key does not exist.",
    "KeyTooLongError": "Your key is too long",
    "MalformedACLError": (
        "The XML you provided was not well-formed or did not validate against our published schema"
    ),
    "MalformedPOSTRequest": "The body of your POST request is not well-formed multipart/form-data.",
    "MalformedPolicy": "Policies must be valid JSON and the first byte must be '{'",
    "MalformedTrailerError": (
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema."
    ),
    "MalformedXML": (
        "The XML you provided was not well-formed or did not validate against our published schema"
    ),
    "MaxMessageLengthExceeded": "Your request was too big.",
    "MaxPostPreDataLengthExceededError": (
        "Your POST request fields preceding the upload file were too large."
    ),
    "MetadataTooLarge": "Your metadata headers exceed the maximum allowed metadata size",
    "MissingRequestBodyError": "Request Body is empty",
    "MissingSecurityHeader": "Your request was missing a required header",
    "NoLoggingStatusForKey": ("There is no such thing as a logging status sub-resource for a key."),
    "RequestHeaderSectionTooLarge": (
        "Your request header section exceeds the maximum allowed request header section size"
    ),
    "RequestTimeout": (
        "Your socket connection to the server was not read from or written to within the timeout "
        "period. Idle connections will be closed."
    ),
    "TokenRefreshRequired": "The provided token must be refreshed.",
    "TooManyBuckets": "You have attempted to create more buckets than allowed",
    "UnexpectedContent": "This request does not support content",
    "UnresolvableGrantByEmailAddress": (
        "The e-mail address you provided does not match any account on record."
    ),
    "UnsupportedArgument": "The request contained an unsupported argument.",
    "UnsupportedSignature": (
        "The provided request is signed with an unsupported STS Token version or the signature "
        "version is not supported."
    ),
    "UserKeyMustBeSpecified": (
        "The bucket POST must contain the specified field name. If it is specified, please check "
        "the order of the fields."
    ),
    "XAmzContentSHA256Mismatch": (
        "The provided 'x-amz-content-sha256' header does not match what was computed."
    ),
}

_FORBIDDEN: Final[Mapping[str, str]] = {
    "AccessDenied": "Access Denied",
    "AccessForbidden": "CORSResponse: This CORS request is not allowed.",
    "AccountProblem": "There is a problem with your account.",
    "AllAccessDisabled": "All access to this object has been disabled",
    "CrossLocationLoggingProhibited": "Cross S3 location logging not allowed.",
    "InvalidAccessKeyId": "The AWS Access Key Id you provided does not exist in our records.",
    "InvalidObjectState": "The operation is not valid for the object's storage class",
    "InvalidSecurity": "The provided security credentials are not valid.",
    "MissingAuthenticationToken": "The request was not signed.",
    "RequestTimeTooSkewed": (
        "The difference between the request time and the current time is too large."
    ),
    "SignatureDoesNotMatch": (
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method."
    ),
}

_NOT_FOUND: Final[Mapping[str, str]] = {
    "NoSuchBucket": "The specified bucket does not exist",
    "NoSuchBucketPolicy": "The bucket policy does not exist",
    "NoSuchCORSConfiguration": "The CORS configuration does not exist",
    "NoSuchConfiguration": "The specified configuration does not exist.",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchLifecycleConfiguration": "The lifecycle configuration does not exist",
    "NoSuchObjectLockConfiguration": (
        "The specified object does not have a ObjectLock configuration"
    ),
    "NoSuchPublicAccessBlockConfiguration": ("The public access block configuration was not found"),
    "NoSuchTagSet": "The TagSet does not exist",
    "NoSuchUpload": (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed."
    ),
    "NoSuchVersion": "The specified version does not exist.",
    "NoSuchWebsiteConfiguration": "The specified bucket does not have a website configuration",
    "ObjectLockConfigurationNotFoundError": (
        "Object Lock configuration does not exist for this bucket"
    ),
    "OwnershipControlsNotFoundError": "The bucket ownership controls were not found",
    "ReplicationConfigurationNotFoundError": "The replication configuration was not found",
    "ServerSideEncryptionConfigurationNotFoundError": (
        "The server side encryption configuration was not found"
    ),
}

_CONFLICT: Final[Mapping[str, str]] = {
    "BucketAlreadyExists": (
        "The requested bucket name is not available. The bucket namespace is shared by all users "
        "of the system. Please select a different name and try again."
    ),
    "BucketAlreadyOwnedByYou": (
        "Your previous request to create the named bucket succeeded and you already own it."
    ),
    "BucketNotEmpty": "The bucket you tried to delete is not empty",
    "ConditionalRequestConflict": (
        "The conditional request cannot succeed due to a conflicting operation against this "
        "resource."
    ),
    "InvalidBucketState": "The request is not valid for the current state of the bucket.",
    "OperationAborted": (
        "A conflicting conditional operation is currently in progress against this resource. "
        "Please try again."
    ),
    "RestoreAlreadyInProgress": "Object restore is already in progress",
}

_OTHERS: Final[Mapping[str, tuple[int, str]]] = {
    "PermanentRedirect": (
        301,
        (
            "The bucket you are attempting to access must be addressed using the specified "
            "endpoint. Please send all future requests to this endpoint."
        ),
    ),
    "NotModified": (304, "Not Modified"),
    "TemporaryRedirect": (307, "Please re-send this request to the specified temporary endpoint."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "RequestIsNotMultiPartContent": (
        412,
        "Bucket POST must be of the enclosure-type multipart/form-data",
    ),
    "InvalidPartNumber": (416, "The requested partnumber is not satisfiable"),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "NotImplemented": (
        501,
        "A header you provided implies functionality that is not implemented",
    ),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SlowDown": (503, "Please reduce your request rate."),
    "InsufficientStorage": (507, "There is not enough space to store what you sent."),
}


def _table() -> Iterable[tuple[str, tuple[int, str]]]:
    groups = ((400, _BAD_REQUEST), (403, _FORBIDDEN), (404, _NOT_FOUND), (409, _CONFLICT))
    for status, messages in groups:
        for code, message in messages.items():
            yield code, (status, message)
    yield from _OTHERS.items()


ERRORS: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(dict(_table()))
"""Code → (HTTP status, message)."""


class S3Error(Exception):
    """A refusal in S3's own terms. The client is at fault where the status is below 500.

    Attributes:
        code: one of `ERRORS`.
        status: of the HTTP response.
        message: for people.
        extra: further elements of the error document, in order: what the error is about, such
            as Key, BucketName, ArgumentName, StringToSign.
        headers: of the response, besides those that every response has.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        status: int | None = None,
        headers: tuple[Header, ...] = (),
        details: Mapping[str, str | int] | None = None,
        **extra: str | int,
    ) -> None:
        """Say what is refused.

        Args:
            code: one of `ERRORS`.
            message: instead of the usual one.
            status: instead of the usual one.
            headers: see above.
            details: elements whose names are no Python names, before those of `extra`.
            extra: see above.
        """
        usual_status, usual_message = ERRORS[code]
        self.code = code
        self.status = usual_status if status is None else status
        self.message = usual_message if message is None else message
        self.extra = {**(details or {}), **extra}
        self.headers = headers
        super().__init__(f"{code}: {self.message}")


def error_document(error: S3Error, resource: str, request_id: str, host_id: str) -> bytes:
    """Return the XML document that tells a client of an error.

    Args:
        error: what to tell.
        resource: path of what was asked for; empty where it is not known.
        request_id: as in the header x-amz-request-id.
        host_id: as in the header x-amz-id-2.
    """
    content: list[tuple[str, Content]] = [("Code", error.code), ("Message", error.message)]
    content.extend(error.extra.items())
    if resource:
        content.append(("Resource", resource))
    content += [("RequestId", request_id), ("HostId", host_id)]
    return document("Error", content, namespace="")
