"""Comes before a process's own modules where a bench or the faults' stage asks for it, and nowhere else: a clock that jumps, and other builds.

FAULTS_CLOCK names a file with seconds to add to the process's clock. TEST_BUILD is a build other than the real one:
`bare`         without ledger and inbox, for what they cost: no chain, threads, openings, salts and hashes (the school's lock stays: numbers
               need it), and an event has its effect without its id and place being kept
The rest are promises broken on purpose, which the checker must find out:
`answer_first` answered before it is committed
`ack_first`    an event is acknowledged before its effect is committed
`no_inbox`     what comes twice has its effect twice
`twice`        not a broken promise: a relay publishes everything twice, as one that dies before it has marked what it published
`outside`      an event is added apart from, and before, the transaction of what it tells of
"""

import contextlib
import importlib.abc
import importlib.util
import os
import sys
from datetime import timedelta


def _clock(module):
    path, plain = os.environ["FAULTS_CLOCK"], module.now

    def now():
        try:
            with open(path) as file:
                return plain() + timedelta(seconds=float(file.read() or 0))
        except (OSError, ValueError):
            return plain()

    module.now = now


def _answer_first(module):
    plain = module.transaction

    @contextlib.contextmanager
    def transaction(engine, **settings):
        import eventlet

        holds = plain(engine, **settings)
        tx = holds.__enter__()
        try:
            yield tx
        except BaseException as error:
            holds.__exit__(type(error), error, error.__traceback__)
            raise
        eventlet.spawn_after(0.3, holds.__exit__, None, None, None)

    module.transaction = transaction


def _ack_first(module):
    take = module.Inbox.take

    def later(self, message):
        import eventlet

        eventlet.spawn_after(0.5, take, self, message)

    module.Inbox.take = later


def _no_inbox(module):
    def apply(tx, *, handlers, school_id, bodies):
        for body in bodies:
            module._carry_out(tx, handlers=handlers, bodies=[body])
        return []

    module._apply = apply


def _new_ids(module):
    from dataclasses import replace
    from uuid import uuid4

    count = module.count

    def anew(tx, *, school_id, happened):
        count(tx, school_id=school_id, happened=replace(happened, id=uuid4()) if happened.kind == "action" else happened)

    module.count = anew


def _no_place(module):
    nothing = module.LedgerEntry(sequence=0, canonical=b"", hash="", openings={})
    module.append = lambda **_: nothing


def _no_chain(module):
    module.append_to_ledger = lambda *_, **__: None


def _no_ledger(module):
    import sqlalchemy as sa

    from services.incidents.store import chain

    module._ADD_ENTRY = sa.text("with " + str(module._ADD_ENTRY.text).removeprefix(chain.IN_THE_LEDGER).removeprefix(", "))


def _twice(module):
    publish = module.Publisher.publish

    def both(self, messages, **more):
        publish(self, [each for message in messages for each in (message, message)], **more)

    module.Publisher.publish = both


def _outside(module):
    add = module.add

    def apart(tx, event_class, *, school_id, **fields):
        import time

        from safekeep.database import transaction

        with transaction(tx.engine, school_id=school_id) as other:
            event = add(other, event_class, school_id=school_id, **fields)
        time.sleep(0.1)
        return event

    module.add = apart


_BUILDS = {
    "bare": {
        "safekeep.inbox": _no_inbox,
        "services.incidents.ledger": _no_place,
        "services.incidents.store.chain": _no_chain,
        "services.incidents.store.entries": _no_ledger,
    },
    "answer_first": {"safekeep.database": _answer_first},
    "ack_first": {"safekeep.inbox": _ack_first},
    "no_inbox": {"safekeep.inbox": _no_inbox, "services.reports.service.events": _new_ids},  # a happening is kept once by its id besides
    "twice": {"safekeep.publishing": _twice},
    "outside": {"safekeep.outbox": _outside},
}
_patches = dict(_BUILDS[os.environ["TEST_BUILD"]]) if os.environ.get("TEST_BUILD") else {}
if os.environ.get("FAULTS_CLOCK"):
    _patches["safekeep.clock"] = _clock


class _After(importlib.abc.MetaPathFinder):
    """Lets a module be imported as ever, and changes it then."""

    def find_spec(self, name, path, target=None):
        patch = _patches.pop(name, None)
        if patch is None:
            return None
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            patch(module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, _After())
