"""What the handlers of operations work with."""

from __future__ import annotations

from dataclasses import dataclass

from atoll.world import World
from storage.auth.keys import Keys, Sessions
from storage.proxy.engine import Engine
from storage.proxy.multipart import Multipart
from storage.s3.authorization import Authorizer
from storage.s3.configuration import Configurations
from storage.s3.encryption.keyring import Keyring
from storage.s3.names import BucketNames
from storage.s3.settings import S3Settings


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers of operations work with.

    Attributes:
        engine: of the store.
        multipart: uploads on the same engine.
        keys: of users.
        sessions: whose requests carry tokens.
        settings: limits and names.
        world: clock and randomness.
        names: finds buckets.
        configurations: documents of buckets.
        authorizer: asked by handlers whose operation needs more than its own action.
        keyring: master keys of encrypted objects.
    """

    engine: Engine
    multipart: Multipart
    keys: Keys
    sessions: Sessions
    settings: S3Settings
    world: World
    names: BucketNames
    configurations: Configurations
    authorizer: Authorizer
    keyring: Keyring
