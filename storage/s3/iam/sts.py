"""STS: sessions, and who one is ("AWS Security Token Service API Reference")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from storage.auth.authenticator import ACCOUNT_PREFIX
from storage.auth.keys import AccessKey
from storage.s3.iam import limits
from storage.s3.iam.authorization import caller_of_key, may_assume, may_call
from storage.s3.iam.call import Fields, date
from storage.s3.iam.condition_keys import ConditionKeys
from storage.s3.iam.documents import check_document
from storage.s3.iam.errors import IamError, invalid
from storage.s3.iam.model import Directory
from storage.s3.iam.names import USER_ID, Arn, fixed_id, read_arn
from storage.s3.iam.parameters import Parameters
from storage.s3.iam.rights import find_policy
from storage.s3.iam.store import DirectoryStore
from storage.s3.iam.tokens import Issued, Origin, Session, SessionTokens, TokenTooLongError
from storage.s3.owner import display_name
from storage.s3.xml import Content

_POLICY_ARNS_MAX: Final = 10
_EXTERNAL_ID_LENGTH_MAX: Final = 1224


class Ask(NamedTuple):
    """A request to STS.

    Attributes:
        parameters: of the request.
        key: of who asks.
        is_session: whether the key is that of a session.
        keys: condition keys.
        now_s: in seconds since 1970.
    """

    parameters: Parameters
    key: AccessKey
    is_session: bool
    keys: ConditionKeys
    now_s: int


Handler: TypeAlias = Callable[[Ask], Awaitable[Fields]]


class Sts:
    """Hands out sessions.

    Args:
        directories: of IAM.
        tokens: makes them.

    Attributes:
        handlers: by name of the operation.
    """

    def __init__(self, directories: DirectoryStore, tokens: SessionTokens) -> None:
        self._directories = directories
        self._tokens = tokens
        self.handlers: Mapping[str, Handler] = {
            "AssumeRole": self.assume_role,
            "GetCallerIdentity": self.get_caller_identity,
            "GetFederationToken": self.get_federation_token,
            "GetSessionToken": self.get_session_token,
        }

    async def get_caller_identity(self, ask: Ask) -> Fields:
        """GetCallerIdentity: who asks, which needs no permission."""
        caller = caller_of_key(ask.key)
        return [("UserId", user_id(ask.key)), ("Account", caller.account), ("Arn", caller.arn)]

    async def get_session_token(self, ask: Ask) -> Fields:
        """GetSessionToken: a session of the user who asks, who needs no permission for it."""
        ask.parameters.refuse("SerialNumber", "TokenCode")
        duration_s = _user_duration_s(ask)
        session = _user_session(ask, "GetSessionToken", duration_s)
        return [_show(self._issue(session), session)]

    async def get_federation_token(self, ask: Ask) -> Fields:
        """GetFederationToken: a session of somebody whom the user vouches for.

        It may do what both the user and the policies of the session may.
        """
        parameters = ask.parameters
        parameters.refuse("Tags")
        title = parameters.name("Name", 32, 2)
        duration_s = _user_duration_s(ask)
        session = _user_session(ask, "GetFederationToken", duration_s)
        snapshot = await self._directories.get(session.account)
        account = display_name(session.account)
        arn = f"arn:aws:sts::{account}:federated-user/{title}"
        if not may_call(ask.key, "sts:GetFederationToken", arn, ask.keys):
            raise _denied(ask, "sts:GetFederationToken", arn)
        texts, arns = _session_policies(parameters, snapshot.directory, account)
        session = session._replace(title=title, policies=texts, policy_arns=arns)
        user: Fields = [("FederatedUserId", f"{account}:{title}"), ("Arn", arn)]
        return [_show(self._issue(session), session), ("FederatedUser", user)]

    async def assume_role(self, ask: Ask) -> Fields:
        """AssumeRole: a session with a role's rights."""
        parameters = ask.parameters
        parameters.refuse("SerialNumber", "TokenCode", "Tags", "SourceIdentity")
        given = parameters.required("RoleArn")
        arn = read_arn(given)
        if arn is None or arn.kind != "role":
            raise invalid("RoleArn", given, "Member must be the ARN of a role")
        title = parameters.name("RoleSessionName", 64, 2)
        parameters.text("ExternalId", _EXTERNAL_ID_LENGTH_MAX)
        duration_s = parameters.number(
            "DurationSeconds",
            limits.ROLE_DURATION_S,
            limits.DURATION_S_MIN,
            limits.ROLE_DURATION_S_MAX,
        )
        account = ACCOUNT_PREFIX + arn.account
        directory = (await self._directories.get(account)).directory
        role = directory.roles.get(arn.name.lower())
        if (
            role is None
            or str(Arn(arn.account, "role", role.path, role.name)) != given
            or not may_assume(ask.key, arn.account, given, role.trust, ask.keys)
        ):
            raise _denied(ask, "sts:AssumeRole", given)
        duration_s_max = role.duration_s_max
        if ask.key.role_arn:
            duration_s_max = min(duration_s_max, limits.CHAINED_DURATION_S_MAX)
        if duration_s > duration_s_max:
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this "
            raise IamError("ValidationError", message + "role.")
        texts, arns = _session_policies(parameters, directory, arn.account)
        expires_s = ask.now_s + duration_s
        session = Session(Origin.ROLE, account, role.name, role.id, title, expires_s, texts, arns)
        who: Fields = [
            ("AssumedRoleId", f"{role.id}:{title}"),
            ("Arn", f"arn:aws:sts::{arn.account}:assumed-role/{role.name}/{title}"),
        ]
        return [_show(self._issue(session), session), ("AssumedRoleUser", who)]

    def _issue(self, session: Session) -> Issued:
        try:
            return self._tokens.issue(session)
        except TokenTooLongError as error:
            raise IamError(
                "PackedPolicyTooLarge", "The session's policies are too long."
            ) from error


def user_id(key: AccessKey) -> str:
    """Return the unique id of whom a key stands for."""
    return key.id or fixed_id(USER_ID, key.identity.user)


def _user_duration_s(ask: Ask) -> int:
    return ask.parameters.number(
        "DurationSeconds",
        limits.SESSION_DURATION_S,
        limits.DURATION_S_MIN,
        limits.SESSION_DURATION_S_MAX,
    )


def _user_session(ask: Ask, action: str, duration_s: int) -> Session:
    """Return a session of the user who asks.

    Raises:
        IamError: AccessDenied, a session asks.
    """
    if ask.is_session:
        raise IamError("AccessDenied", f"Cannot call {action} with session credentials")
    identity = ask.key.identity
    origin = Origin.FIXED if ask.key.identity_policies is None else Origin.USER
    return Session(origin, identity.account, identity.user, ask.key.id, "", ask.now_s + duration_s)


def _session_policies(
    parameters: Parameters, directory: Directory, account: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the documents and ARNs that narrow a session.

    Raises:
        IamError: ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge.
    """
    text = parameters.get("Policy")
    if len(text) > limits.SESSION_POLICY_SIZE_MAX:
        raise IamError("PackedPolicyTooLarge", "The session policy is too long.")
    if text:
        check_document(text)
    arns = tuple(parameters.members("PolicyArns", "arn"))
    if len(arns) > _POLICY_ARNS_MAX:
        most = f"Member must have length at most {_POLICY_ARNS_MAX}"
        raise invalid("PolicyArns", "", most)
    for arn in arns:
        if find_policy(directory, account, arn) is None:
            raise invalid("PolicyArns", arn, "Member must be a managed policy of the account")
    return (text,) if text else (), arns


def _show(issued: Issued, session: Session) -> tuple[str, Content]:
    return (
        "Credentials",
        [
            ("AccessKeyId", issued.access_key),
            ("SecretAccessKey", issued.secret),
            ("SessionToken", issued.token),
            ("Expiration", date(session.expires_s)),
        ],
    )


def _denied(ask: Ask, action: str, resource: str) -> IamError:
    who = caller_of_key(ask.key).arn
    message = f"User: {who} is not authorized to perform: {action} on resource: {resource}"
    return IamError("AccessDenied", message)
