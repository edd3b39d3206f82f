"""Finds whom an access key or session stands for, and what they may, as of now.

Users of `users.toml` and their keys are known to `AccessKeys`; this adds IAM's users and the
sessions of both. The directory is looked at with every request, so whatever is changed or deleted
there counts at once, in all processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from atoll.world import World
from storage.auth.authenticator import Identity
from storage.auth.keys import AccessKey, Keys, TokenExpiredError
from storage.auth.sealer import Sealer
from storage.auth.static_users import NEVER_S, identity_of
from storage.auth.users_file import User as FixedUser
from storage.s3.iam.model import Key, Role, User
from storage.s3.iam.names import KEY_ID_FORM, USER_ID, Arn, fixed_id
from storage.s3.iam.rights import policies_of_role, policies_of_user, texts_of
from storage.s3.iam.store import DirectoryStore, Snapshot
from storage.s3.iam.tokens import Origin, Session, SessionTokens
from storage.s3.owner import display_name

BEARERS_KNOWN_MAX: Final = 4096
"""For each directory."""

_CONTEXT: Final = "atoll 2026 iam access key secret"
_NS_PER_S: Final = 1_000_000_000


class Principals:
    """Knows the keys of all users and the sessions of users and roles.

    Args:
        keys: of the users in the file.
        users: in the file, by name.
        directories: of IAM.
        secret: of the cluster.
        world: clock and randomness.

    Attributes:
        tokens: makes those of new sessions.
        sealer: of the secrets of IAM's access keys.
    """

    def __init__(
        self,
        keys: Keys,
        users: Mapping[str, FixedUser],
        directories: DirectoryStore,
        secret: bytes,
        world: World,
    ) -> None:
        self._keys = keys
        self._fixed = {user.name: identity_of(user) for user in users.values()}
        self._directories = directories
        self._clock = world.clock
        self.tokens = SessionTokens(secret, world.random)
        self.sealer = Sealer(secret, _CONTEXT, world.random)

    async def find(self, access_key: str) -> AccessKey | None:
        """Return the key of an id, or nothing where it is not valid (any more)."""
        account = self._directories.known_holder(access_key)
        if account is None:
            found = await self._keys.find(access_key)
            if found is not None or not KEY_ID_FORM.fullmatch(access_key):
                return found
            account = await self._directories.holder(access_key)
        if account is None:
            return None
        snapshot = await self._directories.get(account)
        known = snapshot.bearers.get(access_key)
        if known is not None:
            return known
        found = self._look_up(snapshot, account, access_key)
        if found is not None and len(snapshot.bearers) < BEARERS_KNOWN_MAX:
            snapshot.bearers[access_key] = found
        return found

    async def open(self, access_key: str, token: str) -> AccessKey | None:
        """Return the key of a session, or nothing where key and token are not a valid pair.

        Raises:
            TokenExpiredError: they were one.
        """
        session = self.tokens.read(access_key, token)
        if session is None:
            return None
        if session.expires_s <= self._clock.wall_ns() // _NS_PER_S:
            raise TokenExpiredError
        snapshot = await self._directories.get(session.account)
        known = snapshot.bearers.get(token)
        if known is not None:
            return known
        found = self._of_session(snapshot, session, access_key)
        if found is not None and len(snapshot.bearers) < BEARERS_KNOWN_MAX:
            snapshot.bearers[token] = found
        return found

    def _of_session(
        self, snapshot: Snapshot, session: Session, access_key: str
    ) -> AccessKey | None:
        bearer = self._bearer(snapshot, session)
        if bearer is None:
            return None
        limits = session.policies + texts_of(
            snapshot.directory, display_name(session.account), session.policy_arns
        )
        is_limited = bool(session.policies or session.policy_arns) or is_federated(session)
        identity = bearer.identity._replace(expires_s=session.expires_s)
        if is_limited:  # what a policy narrows is no longer above all policies
            identity = identity._replace(is_reseller_admin=False, is_reseller_reader=False)
        return bearer._replace(
            access_key=access_key,
            secret=self.tokens.secret(access_key),
            identity=identity,
            session_policies=limits if is_limited else None,
        )

    def _look_up(self, snapshot: Snapshot, account: str, access_key: str) -> AccessKey | None:
        for user in snapshot.directory.users.values():
            for key in user.keys:
                if key.id == access_key:
                    return self._of_user(snapshot, account, user, key) if key.is_active else None
        return None

    def _of_user(self, snapshot: Snapshot, account: str, user: User, key: Key) -> AccessKey:
        secret = self.sealer.open(key.sealed, key.id.encode()).decode()
        return self._bearing(snapshot, account, user)._replace(access_key=key.id, secret=secret)

    def _bearer(self, snapshot: Snapshot, session: Session) -> AccessKey | None:
        """Return whom a session stands for, without its key; nothing where they are gone."""
        account, name = session.account, session.name
        shown = display_name(account)
        if session.origin is Origin.FIXED:
            identity = self._fixed.get(name)
            if identity is None or identity.account != account:
                return None
            return _federated(AccessKey("", "", identity, id=fixed_id(USER_ID, name)), session)
        directory = snapshot.directory
        if session.origin is Origin.USER:
            user = next((one for one in directory.users.values() if one.id == session.id), None)
            if user is None:
                return None
            return _federated(self._bearing(snapshot, account, user), session)
        role = directory.roles.get(name.lower())
        if role is None or role.id != session.id:
            return None
        return _of_role(snapshot, account, shown, role, session.title)

    def _bearing(self, snapshot: Snapshot, account: str, user: User) -> AccessKey:
        shown = display_name(account)
        policies = policies_of_user(snapshot.directory, shown, user)
        return AccessKey(
            "", "", _identity(account, user.path[1:] + user.name), policies, id=user.id
        )


def is_federated(session: Session) -> bool:
    """Tell whether a session is that of somebody whom a user vouches for."""
    return session.origin is not Origin.ROLE and bool(session.title)


def _identity(account: str, name: str) -> Identity:
    """Return an identity whose rights are those of its policies alone."""
    user = f"{display_name(account)}:{name}"
    return Identity(user, account, frozenset((user,)), False, False, NEVER_S)


def _of_role(snapshot: Snapshot, account: str, shown: str, role: Role, title: str) -> AccessKey:
    return AccessKey(
        "",
        "",
        _identity(account, f"{role.name}/{title}"),
        policies_of_role(snapshot.directory, shown, role),
        role_arn=str(Arn(shown, "role", role.path, role.name)),
        arn=f"arn:aws:sts::{shown}:assumed-role/{role.name}/{title}",
        id=f"{role.id}:{title}",
    )


def _federated(user: AccessKey, session: Session) -> AccessKey:
    """Return a user, or where the session is of somebody whom the user vouches for, that one."""
    if not is_federated(session):
        return user
    account = display_name(session.account)
    return user._replace(
        arn=f"arn:aws:sts::{account}:federated-user/{session.title}",
        id=f"{account}:{session.title}",
    )
