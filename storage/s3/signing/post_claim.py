"""Who signed the policy of a browser's upload: fields of the form, in Signature Version 4 or 2.

Source: "Authenticating requests in browser-based uploads using POST" in the Amazon S3 API
Reference. What is signed is the policy, as it was sent.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Final, NamedTuple

from storage.s3.errors import S3Error
from storage.s3.signing.credential import Credential, read_credential, signing_key
from storage.s3.signing.times import parse_iso
from storage.s3.signing.v2 import UNSUPPORTED
from storage.s3.signing.v4 import mismatch

_V4_FIELDS: Final = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
_V2_FIELDS: Final = ("awsaccesskeyid", "signature")
_SHOWN: Final = {"awsaccesskeyid": "AWSAccessKeyId"}


class PostClaim(NamedTuple):
    """What a form says of its signature; nothing of it is proven before it was checked.

    Attributes:
        access_key: id of the key that is said to have signed.
        policy: in Base64, as sent.
        signature: as sent.
        credential: of version 4; None in version 2.
        token: of the session, empty without one.
    """

    access_key: str
    policy: str
    signature: str
    credential: Credential | None
    token: str

    def check_terms(self, region: str) -> None:
        """Check the place; the policy itself says until when.

        Raises:
            S3Error: InvalidArgument for another region or service.
        """
        credential = self.credential
        if credential is None:
            return
        if credential.service != "s3":
            belongs = 'This endpoint belongs to "s3".'
            raise _refuse(
                f'incorrect service "{credential.service}". {belongs}', "x-amz-credential"
            )
        if credential.region != region:
            reason = f"the region '{credential.region}' is wrong; expecting '{region}'"
            raise _refuse(reason, "x-amz-credential")

    def check_signature(self, secret: str) -> None:
        """Check the signature, in constant time.

        Raises:
            S3Error: SignatureDoesNotMatch.
        """
        text = _bytes(self.policy)
        if self.credential is None:
            expected = b64encode(hmac.digest(secret.encode(), text, "sha1"))
        else:
            key = signing_key(secret, self.credential)
            expected = hmac.digest(key, text, "sha256").hex().encode("ascii")
        signature = _bytes(self.signature)
        if not hmac.compare_digest(expected, signature):
            raise mismatch(self.access_key, signature, text)


def read_post_claim(fields: Mapping[str, str], *, allow_v2: bool) -> PostClaim | None:
    """Return what a form says of its signature, or nothing where it is anonymous.

    Args:
        fields: of the form before its file, by name in lower case.
        allow_v2: whether Signature Version 2 is taken.

    Raises:
        S3Error: InvalidArgument, a field is missing or malformed; InvalidRequest for a version
            that is not taken.
    """
    is_v4 = any(name in fields for name in _V4_FIELDS)
    is_v2 = any(name in fields for name in _V2_FIELDS)
    if not (is_v4 or is_v2 or "policy" in fields):
        return None
    if not is_v4 and not allow_v2:
        raise S3Error("InvalidRequest", UNSUPPORTED)
    required = ("policy", *(_V4_FIELDS if is_v4 else _V2_FIELDS))
    for name in required:
        if not fields.get(name):
            shown = _SHOWN.get(name, name)
            raise S3Error(
                "InvalidArgument",
                f"Bucket POST must contain a field named '{shown}'.  If it is specified, please "
                "check the order of the fields.",
                ArgumentName=shown,
                ArgumentValue="",
            )
    token = fields.get("x-amz-security-token", "")
    if not is_v4:
        access_key = fields["awsaccesskeyid"]
        return PostClaim(access_key, fields["policy"], fields["signature"], None, token)
    who = _read_v4(fields)
    return PostClaim(who.access_key, fields["policy"], fields["x-amz-signature"], who, token)


def _read_v4(fields: Mapping[str, str]) -> Credential:
    if fields["x-amz-algorithm"] != "AWS4-HMAC-SHA256":
        raise S3Error(
            "InvalidArgument",
            "Only AWS4-HMAC-SHA256 is supported",
            ArgumentName="X-Amz-Algorithm",
            ArgumentValue=fields["x-amz-algorithm"],
        )
    who = read_credential(_bytes(fields["x-amz-credential"]))
    if isinstance(who, str):
        raise _refuse(who, "x-amz-credential")
    date = _bytes(fields["x-amz-date"])
    if parse_iso(date) is None:
        raise _refuse("X-Amz-Date must be formated via ISO8601 Long format", "X-Amz-Date")
    if date[:8] != who.date:
        raise _refuse(
            f'Invalid credential date "{who.date.decode()}". This date is not the same as '
            f'X-Amz-Date: "{date[:8].decode()}".',
            "x-amz-credential",
        )
    return who


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def _refuse(reason: str, argument: str) -> S3Error:
    return S3Error("InvalidArgument", reason, ArgumentName=argument)
