"""What the parts of the service share: transactions, and the object store."""

from typing import Any
from uuid import UUID

from safekeep.rpc import Host, Resources
from services.files import objects


class Base:
    """Mixed into the service."""

    host: Resources = Host()

    def _school(self, school_id: UUID) -> Any:
        return self.host.transaction(self.host.engine, school_id=school_id)


_opened: dict[str, objects.Objects] = {}


def store_of(host: Resources) -> objects.Objects:
    """Return the object store of this process. Raises Unavailable."""
    url = host.settings.object_store_url
    if url not in _opened:
        _opened[url] = objects.opened(url)
    return _opened[url]
