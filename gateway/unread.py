"""This person's own alerts, and how many they have not read: asked for once a page, by the page itself or for its banner."""

from typing import Any

from flask import g

from gateway import rpc
from gateway.session import Here
from safekeep.contracts.alerts import Inbox, InboxAnswer, Unread
from safekeep.errors import SafekeepError


def inbox(here: Here, **which: Any) -> InboxAnswer:
    """Return this person's alerts. How many are unread comes with them, so the banner need not ask for it."""
    answer = rpc.ask(rpc.build(Inbox, **which), token=here.token)
    g.unread = answer.unread
    return answer


def count(here: Here) -> int:
    """Return the number for the banner; 0 where it cannot be had: a banner must never stop a page."""
    if "unread" not in g:
        try:
            g.unread = rpc.ask(Unread(), token=here.token, seconds=1.5).unread if here.answer.place and here.may_record else 0
        except SafekeepError:
            g.unread = 0
    return int(g.unread)
