"""Comes before a process's own modules where `./bench record` asks for it, and nowhere else: Safekeep without ledger and inbox.

Entries are written without chain, threads, openings, salts and hashes (the school's lock stays: numbers need it), and an event has its
effect without its id and place being kept.
"""

import importlib.abc
import importlib.util
import sys


def _no_inbox(module):
    def apply(tx, *, handlers, body):
        for event_class, handler in handlers.items():
            if event_class.name == body["name"]:
                handler(tx, event_class.receive({k: v for k, v in body.items() if k not in {"name", "version"}}))
        return True

    module._apply = apply


def _no_place(module):
    nothing = module.LedgerEntry(sequence=0, canonical=b"", hash="", openings={})
    module.append = lambda **_: nothing


def _no_chain(module):
    module.append_to_ledger = lambda *_, **__: None


def _no_ledger(module):
    import sqlalchemy as sa

    from services.incidents.store import chain

    module._ADD_ENTRY = sa.text("with " + str(module._ADD_ENTRY.text).removeprefix(chain.IN_THE_LEDGER).removeprefix(", "))


_PATCHES = {
    "safekeep.inbox": _no_inbox,
    "services.incidents.ledger": _no_place,
    "services.incidents.store.chain": _no_chain,
    "services.incidents.store.entries": _no_ledger,
}


class _After(importlib.abc.MetaPathFinder):
    """Lets a module be imported as ever, and changes it then."""

    def find_spec(self, name, path, target=None):
        patch = _PATCHES.pop(name, None)
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
