"""Writes what RabbitMQ loads when it starts, its users and their rights: `python -m deploy.broker_users FILE`.

Each user's password comes from the environment: BROKER_PASSWORD for the administrator, BROKER_<USER>_PASSWORD for the others.
"""

import json
import os
import sys
from pathlib import Path

from safekeep import topology


def variable(user: str) -> str:
    """Return the name of the environment variable that holds a user's password."""
    return "BROKER_PASSWORD" if user == topology.ADMIN else f"BROKER_{user.upper().replace('-', '_')}_PASSWORD"


def main(path: str) -> int:
    """Write the file. Returns the exit code."""
    wanted = {user: variable(user) for user in (topology.ADMIN, *topology.users())}
    if missing := [name for name in wanted.values() if not os.environ.get(name)]:
        print(f"Not written: {', '.join(missing)} is not set.", file=sys.stderr)
        return 1
    passwords = {user: os.environ[name] for user, name in wanted.items()}
    Path(path).write_text(json.dumps(topology.definitions(passwords)))
    print(f"broker: {len(wanted)} users")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
