"""`./run` as it is, except that each of its processes reaches the servers by a door of its own: `python -m tests.faults.launch …`.

FAULTS_PLAN names a file: `doors`, by process and server the address to use instead, and `environment`, by process what it is told
besides. Where the servers really are is written beside it.
"""

import json
import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import __main__ as local

PLAN = Path(os.environ["FAULTS_PLAN"])


class Launcher(local.Launcher):
    """The launcher, with its processes' addresses changed."""

    def _configuration(self) -> str:
        text = super()._configuration()
        plan = json.loads(PLAN.read_text())
        broker, folder = urlsplit(self.urls["BROKER_URL"]).port, str(self.data / "postgres")
        socket = f".s.PGSQL.{self.postgres_port}"
        targets = {"broker": broker, "database": str(Path(folder) / socket), "smtp": self.smtp, "socket": socket}
        part = PLAN.with_suffix(".part")
        part.write_text(json.dumps(targets))
        part.replace(PLAN.with_name("targets.json"))
        assert f"host={folder}" in text, "the folder's path is too long for sockets"
        sections = re.split(r"(?m)^(?=\[program:)", text)
        for index, section in enumerate(sections):
            name = section.removeprefix("[program:").partition("]")[0]
            doors = plan["doors"].get(name, {})
            if "database" in doors:
                section = section.replace(f"host={folder}&", f"host={doors['database']}&")
            if "broker" in doors:
                section = section.replace(f"@127.0.0.1:{broker}/", f"@127.0.0.1:{doors['broker']}/")
            if "smtp" in doors:
                section = section.replace(f"smtp://127.0.0.1:{self.smtp}", f"smtp://127.0.0.1:{doors['smtp']}")
            more = ",".join(f'{key}="{value}"' for key, value in plan["environment"].get(name, {}).items())
            sections[index] = section.replace("\nenvironment=", f"\nenvironment={more},", 1) if more else section
        return "".join(sections)


if __name__ == "__main__":
    local.Launcher = Launcher  # type: ignore[misc]
    sys.exit(local.main())
