"""A school of the demonstration, with its people and pupils and none of its past: `python -m tests.faults.seed READY OUT`."""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from nameko.standalone.rpc import ClusterRpcProxy

from deploy.demo import people
from safekeep import bus
from safekeep.actor import service_token
from safekeep.contracts import Request
from safekeep.contracts.identity import Seed
from safekeep.contracts.incidents import ImportPupils
from safekeep.keys import Keys
from safekeep.rpc import envelope


def main(ready: str, out: str) -> None:
    """Make the school and write its sign-ins, and who each of them is."""
    system = json.loads(Path(ready).read_text())
    keys = Keys.load(Path(system["data"]) / "keys" / "process" / "demo.json")
    bus.use_keys(keys)
    school = people.make_school(slug="hillside", name="Hillside Primary", phase="primary", pupils=120, teachers=8)
    with ClusterRpcProxy(bus.nameko_config(broker_url=system["admin_urls"]["broker"]), timeout=120) as services:

        def ask(request: Request[Any], school_id: UUID | None = None) -> None:
            service, _, method = request.method.partition(".")
            token = service_token(keys=keys, service="demo", school_id=school_id, methods=[request.method])
            getattr(services[service], method)(envelope(request, token=token, seconds=120))

        trust = {"trust_id": people.id_of("trust"), "trust_name": "Heathland Learning Trust", "trust_slug": "heathland"}
        ask(Seed(**trust, trust_people=people.trust_people(), schools=[school.seed]))
        ask(ImportPupils(pupils=school.pupils), school.seed.id)
    logins = [
        {
            "id": p.id,
            "role": p.roles[0],
            "school": school.seed.name,
            "username": p.email,
            "password": p.password,
            "totp_secret": p.totp_secret or None,
        }
        for p in school.seed.people
    ]
    Path(out).write_text(json.dumps({"school_id": school.seed.id, "logins": logins}, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
