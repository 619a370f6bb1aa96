"""The ledger's own process: signs heads, checks the record, makes exports. It alone is given the key that signs heads.

A process apart, so that the key is not where requests from outside arrive, and hashing a hundred thousand entries keeps
nobody waiting: docs/decisions/0007-the-ledgers-own-process.md.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from safekeep import database
from safekeep.keys import Keys


@dataclass(slots=True)
class Keeper:
    """What the process has: keys, the database under two roles, and a folder outside the database."""

    keys: Keys
    engine: sa.Engine
    worker_engine: sa.Engine
    folder: Path

    def school(self, school_id: UUID) -> AbstractContextManager[sa.Connection]:
        return database.transaction(self.engine, school_id=school_id)

    def all_schools(self) -> AbstractContextManager[sa.Connection]:
        return database.transaction(self.worker_engine)

    def public_keys(self) -> dict[str, str]:
        return self.keys.public_keys("ledger")
