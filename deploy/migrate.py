"""Brings the five databases to the newest schema and the broker to today's queues: `python -m deploy.migrate`.

The only process that is given the owners' addresses, and the broker's administrator.
"""

import os
import sys

import sqlalchemy as sa

from safekeep import topology
from safekeep.database import SERVICES, migrate


def main() -> int:
    """Migrate each database in turn, then declare what the broker holds. Returns the exit code."""
    for service in SERVICES:
        names = [f"{service.upper()}{kind}_DATABASE_URL" for kind in ("_OWNER", "", "_WORKER")]
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            print(f"Not migrated: {', '.join(missing)} is not set.", file=sys.stderr)
            return 1
        owner, service_url, worker = (os.environ[name] for name in names)
        roles = [sa.make_url(url).username or "" for url in (service_url, worker)]
        migrate(owner_url=owner, service=service, service_role=roles[0], worker_role=roles[1])
        print(f"{service}: at the newest schema")
    if broker := os.environ.get("BROKER_ADMIN_URL"):
        try:
            topology.declare(broker)
        except topology.Differs as sentence:
            print(f"Not declared: {sentence}", file=sys.stderr)
            return 1
        print("broker: queues as declared")
    return 0


if __name__ == "__main__":
    sys.exit(main())
