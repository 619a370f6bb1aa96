"""Makes the demonstration through the running services: `python -m deploy.demo`. Repeating it changes nothing."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from nameko.standalone.rpc import ClusterRpcProxy

from deploy.demo import REAL_SCHOOL, people, stories
from deploy.demo.people import School
from safekeep import bus
from safekeep.actor import service_token
from safekeep.contracts import Request
from safekeep.contracts.identity import Seed
from safekeep.contracts.incidents import ImportPupils, SeedEntries
from safekeep.errors import Conflict, NotAllowed
from safekeep.keys import Keys
from safekeep.rpc import envelope

BATCH = 50


def main() -> int:
    """Make trust, schools, pupils and three years of entries; write the sign-ins."""
    keys = Keys.load(os.environ["KEYS_FILE"])
    bus.use_keys(keys)
    schools = [
        people.make_school(slug="hillside", name="Hillside Primary", phase="primary", pupils=420, teachers=24),
        people.make_school(slug="kingsmead", name="Kingsmead Academy", phase="secondary", pupils=1100, teachers=62),
    ]
    trust = people.trust_people()
    with ClusterRpcProxy(bus.nameko_config(broker_url=os.environ["BROKER_URL"]), timeout=120) as services:

        def ask(request: Request[Any], school_id: UUID | None = None) -> None:
            service, _, method = request.method.partition(".")
            token = service_token(keys=keys, service="demo", school_id=school_id, methods=[request.method])
            getattr(services[service], method)(envelope(request, token=token, seconds=120))

        seed = Seed(
            trust_id=people.id_of("trust"),
            trust_name="Heathland Learning Trust",
            trust_slug="heathland",
            trust_people=trust,
            schools=[school.seed for school in schools],
        )
        try:
            ask(seed)
        except NotAllowed:
            print("    This installation has a real school: no demonstration is made in it.", flush=True)
            return REAL_SCHOOL
        for school in schools:
            _school(ask, school)
    logins = [*(_login(p, None) for p in trust), *(_login(p, s) for s in schools for p in _one_a_role(s))]
    Path(os.environ["DEMO_LOGINS"]).write_text(json.dumps(logins, indent=1))
    return 0


def _school(ask: Any, school: School) -> None:
    entries = stories.entries_of(school, incidents=340 if school.phase == "primary" else 660)
    for start in range(0, len(school.pupils), 200):
        ask(ImportPupils(pupils=school.pupils[start : start + 200]), school.seed.id)
    ask(ImportPupils(pupils=[], flags=stories.flags_of(school)), school.seed.id)
    print(f"    {school.seed.name}: {len(school.pupils) - 1} pupils, {len(school.seed.people)} staff, {len(entries)} entries", flush=True)
    for start in range(0, len(entries), BATCH):
        _when_ready(ask, SeedEntries(entries=entries[start : start + BATCH]), school.seed.id)


def _when_ready(ask: Any, request: SeedEntries, school_id: UUID) -> None:
    """Ask until the staff's events have reached incidents: at most a minute."""
    ends = time.monotonic() + 60
    while True:
        try:
            ask(request, school_id)
            return
        except Conflict:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


def _one_a_role(school: School) -> list[Any]:
    first: dict[str, Any] = {}
    for person in school.seed.people:
        first.setdefault(person.roles[0], person)
    return list(first.values())


def _login(person: Any, school: School | None) -> dict[str, Any]:
    return {
        "role": person.roles[0],
        "school": school.seed.name if school else None,
        "username": person.email,
        "password": person.password,
        "totp_secret": person.totp_secret or None,
    }


if __name__ == "__main__":
    sys.exit(main())
