"""Actor tokens at the door of every service: each of its methods, found by introspection, refuses all but a good one."""

import base64
import datetime as dt
import importlib
import inspect
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from safekeep import actor, clock, keys, permissions
from safekeep.actor import AUDIENCE
from safekeep.database import SERVICES
from safekeep.errors import NotSignedIn
from safekeep.ids import new_id
from safekeep.keys import Keys

METHODS = sorted(method for method, allowed in permissions.METHODS.items() if allowed != permissions.ANYONE)
_SIGNED = ["EdDSA", "Ed25519", "HS256", "none"]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ring whose keys were exchanged yesterday and once more just now, the first tokens' key being retired a day."""
    folder: Path = tmp_path_factory.mktemp("ring")
    keys.ensure_ring(folder)
    (folder / "yesterday.json").write_text((folder / "process" / "identity.json").read_text())
    keys.rotate(folder, now=clock.now() - dt.timedelta(days=1))
    return folder


def _claims(**changed: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    claims = {
        "sub": str(new_id()),
        "name": "Dee Lead",
        "roles": [role.value for role in permissions.Role],
        "school": str(new_id()),
        "trust": None,
        "sid": str(new_id()),
        "mfa": now,
        "drafts_only": False,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 300,
    }
    return {name: value for name, value in (claims | changed).items() if value is not ...}


def _sign(signing: Keys, *, alg: str = "Ed25519", header: dict[str, Any] | None = None, purpose: str = "actors", **changed: Any) -> str:
    kid, private = signing.signing(purpose)
    return jwt.encode({"alg": alg, "kid": kid} | (header or {}), _claims(**changed), OKPKey.import_key(private), algorithms=_SIGNED)


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _tampered(token: str) -> str:
    """The same signature under other words."""
    head, _, signature = token.split(".")
    return f"{head}.{_part(_claims())}.{signature}"


def _bad(ring: Path) -> dict[str, str]:
    identity = Keys.load(ring / "process" / "identity.json")
    now = int(clock.now().timestamp())
    kid, _ = identity.signing("actors")
    public = identity.public(kid)[1].public_bytes_raw()
    stranger = OKPKey.generate_key("Ed25519")
    return {
        "none": "",
        "no token at all": "nothing",
        "expired": _sign(identity, exp=now - 1),
        "without an end": _sign(identity, exp=...),
        "for another audience": _sign(identity, aud="another-service"),
        "for no audience": _sign(identity, aud=...),
        "signed by yesterday's retired key": _sign(Keys.load(ring / "yesterday.json")),
        "alg none": f"{_part({'alg': 'none', 'kid': kid})}.{_part(_claims())}.",
        "alg none, signed": f"{_part({'alg': 'none', 'kid': kid})}.{_part(_claims())}.{_sign(identity).rpartition('.')[2]}",
        "the public key as a secret": jwt.encode({"alg": "HS256", "kid": kid}, _claims(), OctKey.import_key(public), algorithms=_SIGNED),
        "a stranger's key under our kid": jwt.encode({"alg": "Ed25519", "kid": kid}, _claims(), stranger, algorithms=_SIGNED),
        "an unknown kid": jwt.encode({"alg": "Ed25519", "kid": "actors-99"}, _claims(), stranger, algorithms=_SIGNED),
        "no kid": jwt.encode({"alg": "Ed25519"}, _claims(), stranger, algorithms=_SIGNED),
        "tampered": _tampered(_sign(identity)),
        "a receipt's key": _sign(Keys.load(ring / "process" / "files.json"), purpose="receipts"),
        "a service's key for a person": _sign(Keys.load(ring / "process" / "alerts.json"), purpose="service-alerts"),
        "a service's key for another service": _sign(Keys.load(ring / "process" / "alerts.json"), purpose="service-alerts", sub="service:incidents"),
    }


def _door(service: str, ring: Path) -> Any:
    """The service's own class with nothing but its keys: who is refused at the door touches nothing behind it."""
    made = importlib.import_module(f"services.{service}.service").Service()
    made.host = SimpleNamespace(keys=Keys.load(ring / "process" / f"{service}.json"))
    return made


def _methods(service: str) -> list[str]:
    found = importlib.import_module(f"services.{service}.service").Service
    return [name for name, member in inspect.getmembers(found) if hasattr(member, "request") and member.request.method in METHODS]


def _refuses(method: Any, token: str) -> bool:
    try:
        method({"token": token, "deadline": clock.now().timestamp() + 5, "body": {}})
    except NotSignedIn:
        return True
    return False


@pytest.mark.parametrize("service", SERVICES)
def test_every_method_of_every_service_refuses_every_token_but_a_good_one(service: str, ring: Path) -> None:
    door, bad = _door(service, ring), _bad(ring)
    assert _methods(service)
    for name in _methods(service):
        for what, token in bad.items():
            assert _refuses(getattr(door, name), token), f"{service}.{name} took one {what}"


@pytest.mark.parametrize("service", SERVICES)
def test_the_same_door_lets_a_good_token_as_far_as_the_permission_table(service: str, ring: Path) -> None:
    """So the refusals above are of the tokens, not of the calls."""
    identity, door = Keys.load(ring / "process" / "identity.json"), _door(service, ring)
    assert actor.verify(keys=door.host.keys, token=_sign(identity)).roles == set(permissions.Role)
    assert identity.signing("actors")[0] == "actors-2"


def test_the_methods_behind_the_doors_are_all_of_the_permission_table() -> None:
    assert sorted(f"{service}.{name}" for service in SERVICES for name in _methods(service)) == METHODS
