"""What the verbs of `safekeep` share: where the installation is, how a service is asked, how a failure is said."""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from safekeep import bus
from safekeep.actor import service_token
from safekeep.contracts import Contract, Request
from safekeep.errors import Conflict, Invalid, NotFound, SafekeepError
from safekeep.keys import Keys

ROOT = Path(__file__).resolve().parent.parent.parent
Answered = TypeVar("Answered", bound=Contract)


class CannotDo(Exception):
    """It was not done, and this one sentence says why."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a verb did: sentences for a person, facts for a program (`--json`). `ok` False: it ran and found something wrong (exit code 1)."""

    text: str
    facts: dict[str, Any] = field(default_factory=dict)
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """An installation: settings from the environment, and what `./run` wrote in its data folder while it runs."""

    data: Path

    def setting(self, name: str) -> str:
        """Return a setting, such as BROKER_URL or INCIDENTS_WORKER_DATABASE_URL. Raises CannotDo when there is none."""
        found = os.environ.get(name) or self._written().get(name)
        if not found:
            raise CannotDo(f"Safekeep was not found: start it with ./run, name its data folder with --data, or set {name}.")
        return str(found)

    def ask(self, request: Request[Answered], *, school_id: UUID | None = None, seconds: float = 30.0) -> Answered:
        """Ask a service, as the operator. Raises CannotDo, and what the service refuses with."""
        # here, since a verb that asks nobody (--help, verify) need not wait for the bus to be imported
        import amqp.exceptions
        import kombu.exceptions
        import nameko.exceptions
        from nameko.standalone.rpc import ClusterRpcProxy

        from safekeep.rpc import envelope

        keys = Keys.load(self.setting("KEYS_FILE"))
        bus.use_keys(keys)
        service, _, method = request.method.partition(".")
        try:
            with ClusterRpcProxy(bus.nameko_config(broker_url=self.setting("BROKER_URL")), timeout=seconds) as services:
                token = service_token(keys=keys, service="operator", school_id=school_id, methods=[request.method])
                answer = getattr(services[service], method)(envelope(request, token=token, seconds=seconds))
        except (nameko.exceptions.RpcTimeout, nameko.exceptions.UnknownService):
            raise CannotDo(f"The service {service} does not answer: see whether it runs.") from None
        except (OSError, amqp.exceptions.AMQPError, kombu.exceptions.KombuError):
            raise CannotDo("The message broker does not answer: see whether Safekeep runs.") from None
        return request.answer.receive(answer)  # type: ignore[return-value]

    def _written(self) -> dict[str, Any]:
        try:
            written: dict[str, Any] = json.loads((self.data / "run" / "operator.json").read_text())
        except (OSError, ValueError):
            return {}
        return written


Does = Callable[[argparse.Namespace, Place], Said]


def verb(noun: argparse.ArgumentParser, name: str, does: Does, help: str) -> argparse.ArgumentParser:
    """Add a verb to a noun (`safekeep trust add`); its arguments are added to the parser that is returned."""
    holder = noun.get_default("verbs")
    if holder is None:
        holder = noun.add_subparsers(title="verbs", metavar="verb", required=True)
        noun.set_defaults(verbs=holder)
    return does_this(holder.add_parser(name, help=help, description=help), does)


def does_this(parser: argparse.ArgumentParser, does: Does) -> argparse.ArgumentParser:
    """Make a parser do something, with the options every verb takes. A noun without verbs (`safekeep verify`) is one too."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="the data folder of the ./run that is meant (usually ./data)")
    parser.set_defaults(does=does)
    return parser


def sentence(error: SafekeepError) -> str:
    """Return what to say of a refusal that the verb itself has no better word for."""
    if isinstance(error, Invalid):
        said = ", ".join(f"{name} ({code.replace('_', ' ')})" for name, code in error.problems.items())
        return f"This was not accepted: {said}."
    if isinstance(error, NotFound):
        return f"There is no such {error.what}."
    if isinstance(error, Conflict):
        return f"That contradicts what is there already: {error.reason.replace('_', ' ')}."
    return f"Safekeep refused: {type(error).__name__} {' '.join(str(a) for a in error.args)}".strip() + "."
