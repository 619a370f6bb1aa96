"""Dead letters: what a service could not read, or tried often enough. Look at them, send them again, or drop them."""

import argparse
from collections.abc import Callable
from typing import Any

import pika.exceptions

from deploy.cli import CannotDo, Place, Said, verb
from safekeep import bus, dead_letters
from safekeep.dead_letters import Letter, NoSuchLetter, ReasonNeeded
from safekeep.keys import Keys
from safekeep.publishing import NotConfirmed


def install(noun: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    looked_at = verb(noun, "list", _list, "List the dead letters with cause and count. They stay where they are.")
    verb(noun, "show", _show, "Show one letter: ids, codes and times, as every event holds.").add_argument("id")
    again = verb(noun, "replay", _replay, "Send letters to their service again: one, all of a service, or all. Twice has the effect of once.")
    again.add_argument("id", nargs="?", help="only this letter")
    for each in (looked_at, again):
        each.add_argument("--service", choices=sorted(bus.CONSUMES), help="only this service's")
    drop = verb(noun, "drop", _drop, "Give a letter up: it will have no effect, and what waits behind it goes on.")
    drop.add_argument("id")
    drop.add_argument("--reason", required=True, help="why; the service keeps it")


def _list(chosen: argparse.Namespace, place: Place) -> Said:
    found = _do(place, dead_letters.letters, service=chosen.service)
    return Said("\n".join(map(_line, found)) or "There are no dead letters.", {"letters": [_facts(letter) for letter in found]})


def _show(chosen: argparse.Namespace, place: Place) -> Said:
    letter = _do(place, dead_letters.show, letter_id=chosen.id)
    event = "\n".join(f"  {name}: {value}" for name, value in letter.event.items()) or "  (cannot be read)"
    return Said(f"{_line(letter)}\n{event}", _facts(letter) | {"event": letter.event})


def _replay(chosen: argparse.Namespace, place: Place) -> Said:
    done = _do(place, dead_letters.replay, service=chosen.service, letter_id=chosen.id)
    text = "\n".join(["Sent again:", *map(_line, done)]) if done else "There are no dead letters: nothing was sent."
    return Said(text, {"replayed": [_facts(letter) for letter in done]})


def _drop(chosen: argparse.Namespace, place: Place) -> Said:
    letter = _do(place, dead_letters.drop, letter_id=chosen.id, reason=chosen.reason)
    return Said(f"Dropped: {_line(letter)}\nThe service {letter.service} keeps the reason.", {"dropped": _facts(letter)})


def _do(place: Place, does: Callable[..., Any], **wanted: Any) -> Any:
    url, path = place.setting("BROKER_URL"), place.setting("KEYS_FILE")
    try:
        keys = Keys.load(path)
    except (OSError, ValueError):
        raise CannotDo(f"The key file {path} cannot be read.") from None
    try:
        return does(url=url, keys=keys, **wanted)
    except NoSuchLetter as missing:
        raise CannotDo(f"There is no dead letter {missing}: see safekeep dead-letters list.") from None
    except ReasonNeeded:
        raise CannotDo("Nothing was dropped: say why, with --reason.") from None
    except NotConfirmed:
        raise CannotDo("The message broker did not take it: the letter is where it was. Try again.") from None
    except (pika.exceptions.AMQPError, OSError):
        raise CannotDo("The message broker does not answer: see whether Safekeep runs.") from None


def _line(letter: Letter) -> str:
    times = "once" if letter.count == 1 else f"{letter.count} times"
    return f"{letter.id}  {letter.service}  {letter.name}  {letter.cause}, tried {times}"


def _facts(letter: Letter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in ("id", "service", "name", "version", "cause", "count")}
