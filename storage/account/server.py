"""What a device decides and does about accounts."""

from __future__ import annotations

from storage.account.record import (
    DIGEST_KEY,
    TABLE,
    account_digest,
    encode_account,
    merge_accounts,
    read_account,
)
from storage.container.row import Counters
from storage.device.transaction import Decision, Transaction
from storage.mutation import ACCEPTED, PutAccount


def put(txn: Transaction, ask: PutAccount) -> Decision:
    """Create an account, or merge another record into it."""
    held = read_account(txn.batch, ask.name_hash)
    record = ask.record if held is None else merge_accounts(held, ask.record)
    if record == held:
        return Decision(ACCEPTED)

    def effect() -> None:
        if held is None or held.id != record.id:
            txn.set_counters(record.id, Counters())
        change = account_digest(ask.name_hash, held) ^ account_digest(ask.name_hash, record)
        txn.toggle_digest(DIGEST_KEY, change)
        txn.batch.put(TABLE, ask.name_hash, encode_account(ask.name_hash, record))
        txn.saw(record.latest)

    return Decision(ACCEPTED, effect)
