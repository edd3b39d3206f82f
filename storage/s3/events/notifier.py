"""Tells the targets that buckets name of events that their rules ask for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from atoll.world import World
from storage.object.event import Event
from storage.proxy.engine import Engine
from storage.s3.configuration import Configurations
from storage.s3.events.configuration import NOTIFICATION, Rule, parse_notification
from storage.s3.events.errand import Errand
from storage.s3.events.message import event_message
from storage.s3.events.targets import Target, make_target
from storage.s3.settings import S3Settings


class Notifier:
    """Finds who is to be told of an event.

    Args:
        world: network.
        engine: of the store.
        settings: what the operator set up.
    """

    def __init__(self, world: World, engine: Engine, settings: S3Settings) -> None:
        self._engine = engine
        self._configurations = Configurations(engine)
        self._region = settings.region
        self._targets: Mapping[str, Target] = {
            arn: make_target(world, url, settings.notification_timeout_s)
            for arn, url in settings.notification_targets.items()
        }

    async def route(self, event: Event) -> list[Errand]:
        """Return an errand for each rule that asks for an event.

        A rule whose target the operator took away is passed over. So is a bucket that is gone.
        """
        if not event.kind:
            return []
        bucket = await self._engine.container(event.account, event.container)
        if bucket is None or bucket.id != event.container_id:
            return []
        rules = await self._configurations.get_sound(bucket, NOTIFICATION, parse_notification) or ()
        return [
            Errand(rule.arn, partial(self._tell, event, rule))
            for rule in rules
            if rule.admits(event.kind, event.name) and rule.arn in self._targets
        ]

    async def _tell(self, event: Event, rule: Rule, holders: Mapping[int, int]) -> None:
        message = event_message(event, rule.id, self._region, holders)
        await self._targets[rule.arn].send(message)
