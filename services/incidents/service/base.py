"""What the parts of the service share: transactions, and receipts of files."""

from collections.abc import Sequence
from typing import Any

from nameko.rpc import RpcProxy

from safekeep import receipts
from safekeep.actor import Actor
from safekeep.errors import Invalid
from safekeep.receipts import Receipt
from safekeep.rpc import Host, Resources


class Base:
    """Transactions and receipts. Mixed into the service."""

    host: Resources = Host()
    identity = RpcProxy("identity")

    def _school(self, actor: Actor) -> Any:
        return self.host.transaction(self.host.engine, school_id=actor.at_school)

    def _receipts(self, *, actor: Actor, tokens: Sequence[str]) -> list[Receipt]:
        found = [receipts.verify_receipt(keys=self.host.keys, token=token) for token in tokens]
        if any(r.author_id != actor.person or r.school_id != actor.at_school for r in found):
            raise Invalid({"receipts": "invalid"})
        return found
