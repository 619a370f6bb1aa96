"""What a process is told by its environment. A missing setting is named; a value is never shown."""

import os
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator


class MissingSetting(Exception):
    """An environment variable that this process needs is not set."""


class ServiceSettings(BaseModel):
    """What a service needs. Of the three database roles, the owner's is for migrations only."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    database_url: str
    worker_database_url: str
    broker_url: str
    keys_file: str
    inner_host: str = "127.0.0.1"
    inner_port: int
    smtp_url: str = ""
    object_store_url: str = ""
    clamd_url: str = ""
    """Where files are scanned: tcp://host:port or unix:///path of ClamAV's clamd. Empty: they are not."""
    public_url: str = ""
    mail_from: str = ""
    door: tuple[str, int] | None = None
    """Where the side door listens: host and port."""
    push_hosts: tuple[str, ...] = ()
    """Push services that browsers may be notified through: hosts, `*.` for any below; `http://127.0.0.1` (tests) or `https://…` for an inner one."""
    mail_domain_key: tuple[str, str, str] | None = None
    """With what mail is signed (DKIM): the domain, the selector, and the file of the private key."""
    inner_issuers: tuple[str, ...] = ()
    """Issuers of single sign-on inside the operator's own network, as `scheme://host`; http only on loopback, for tests."""
    inner_calendars: tuple[str, ...] = ()
    """Where calendars inside the operator's own network are, as `scheme://host:port`; schools may subscribe to no other that is not public."""


class RelaySettings(BaseModel):
    """What a relay needs: it reads and marks the outbox, as its database's worker."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    worker_database_url: str
    broker_url: str
    keys_file: str
    inner_host: str = "127.0.0.1"
    inner_port: int


class LedgerSettings(BaseModel):
    """What the ledger's own process needs: no broker. `folder` lies outside the databases: heads are remembered there."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    database_url: str
    worker_database_url: str
    keys_file: str
    folder: str
    inner_host: str = "127.0.0.1"
    inner_port: int


class GatewaySettings(BaseModel):
    """What the gateway needs: no database, no key that signs."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    broker_url: str
    keys_file: str
    inner_host: str = "127.0.0.1"
    inner_port: int
    public_url: str
    doors: dict[str, tuple[str, int]] = {}
    """Where each service's side door is."""
    demo_codes_url: str = ""
    """Where the codes of the demonstration's people are shown; asked for nobody else's."""


def service_settings(service: str) -> ServiceSettings:
    """Return the settings of one service. Raises MissingSetting."""
    prefix = service.upper()
    return ServiceSettings(
        database_url=_needed(f"{prefix}_DATABASE_URL"),
        worker_database_url=_needed(f"{prefix}_WORKER_DATABASE_URL"),
        broker_url=_needed("BROKER_URL"),
        keys_file=_needed("KEYS_FILE"),
        inner_host=os.environ.get("INNER_HOST", "127.0.0.1"),
        inner_port=int(os.environ.get("INNER_PORT", "0")),
        smtp_url=os.environ.get("SMTP_URL", ""),
        object_store_url=os.environ.get("OBJECT_STORE_URL", ""),
        clamd_url=os.environ.get("CLAMD_URL", ""),
        public_url=os.environ.get("PUBLIC_URL", ""),
        mail_from=os.environ.get("MAIL_FROM", "safekeep@localhost"),
        door=_place(door) if (door := os.environ.get("DOOR")) else None,
        push_hosts=tuple(os.environ.get("PUSH_HOSTS", PUSH_HOSTS).split()),
        mail_domain_key=_domain_key(),
        inner_issuers=tuple(os.environ.get("SSO_INNER_ISSUERS", "").split()),
        inner_calendars=tuple(os.environ.get("CALENDAR_INNER_ADDRESSES", "").split()),
    )


PUSH_HOSTS = "fcm.googleapis.com *.push.services.mozilla.com updates.push.services.mozilla.com web.push.apple.com *.notify.windows.com"
"""The push services of the browsers there are."""


def _domain_key() -> tuple[str, str, str] | None:
    """Return with what mail is signed, or None where it is not. Raises MissingSetting when only part of it is said."""
    said = [os.environ.get(name, "") for name in ("DKIM_DOMAIN", "DKIM_SELECTOR", "DKIM_KEY_FILE")]
    if not any(said):
        return None
    return _needed("DKIM_DOMAIN"), _needed("DKIM_SELECTOR"), _needed("DKIM_KEY_FILE")


PAIRS: Final = ((46, 1), (19, 2), (12, 3), (9, 4), (7, 5))
"""MiB of memory and rounds of Argon2id that are about equally strong (OWASP, password storage cheat sheet)."""


class PasswordSettings(BaseModel):
    """What hashing a password costs (Argon2id). Raised, each password is hashed anew at its owner's next sign-in.

    No less than one of the pairs of OWASP's password storage advice: with less memory more rounds.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    time_cost: int = Field(default=2, ge=1)
    memory_kib: int = Field(default=19 * 1024, ge=7 * 1024)

    @model_validator(mode="after")
    def _enough(self) -> "PasswordSettings":
        if not any(self.memory_kib >= mib * 1024 and self.time_cost >= rounds for mib, rounds in PAIRS):
            raise ValueError("less than the smallest pair of memory and rounds")
        return self


def password_settings() -> PasswordSettings:
    """Return what hashing costs here; identity alone is told."""
    told = {"time_cost": os.environ.get("ARGON2_TIME_COST"), "memory_kib": os.environ.get("ARGON2_MEMORY_KIB")}
    return PasswordSettings.model_validate({name: value for name, value in told.items() if value})


def relay_settings(service: str) -> RelaySettings:
    """Return the settings of a service's relay. Raises MissingSetting."""
    return RelaySettings(
        worker_database_url=_needed(f"{service.upper()}_WORKER_DATABASE_URL"),
        broker_url=_needed("BROKER_URL"),
        keys_file=_needed("KEYS_FILE"),
        inner_host=os.environ.get("INNER_HOST", "127.0.0.1"),
        inner_port=int(os.environ.get("INNER_PORT", "0")),
    )


def ledger_settings() -> LedgerSettings:
    """Return the settings of the ledger's process. Raises MissingSetting."""
    return LedgerSettings(
        database_url=_needed("INCIDENTS_DATABASE_URL"),
        worker_database_url=_needed("INCIDENTS_WORKER_DATABASE_URL"),
        keys_file=_needed("KEYS_FILE"),
        folder=_needed("LEDGER_FOLDER"),
        inner_host=os.environ.get("INNER_HOST", "127.0.0.1"),
        inner_port=int(os.environ.get("INNER_PORT", "0")),
    )


def gateway_settings() -> GatewaySettings:
    """Return the gateway's settings. Raises MissingSetting."""
    return GatewaySettings(
        broker_url=_needed("BROKER_URL"),
        keys_file=_needed("KEYS_FILE"),
        inner_host=os.environ.get("INNER_HOST", "127.0.0.1"),
        inner_port=int(os.environ.get("INNER_PORT", "0")),
        public_url=_needed("PUBLIC_URL"),
        doors={service: _place(place) for service, _, place in (part.partition("=") for part in os.environ.get("DOORS", "").split(",") if part)},
        demo_codes_url=os.environ.get("DEMO_CODES_URL", ""),
    )


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _needed(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise MissingSetting(f"the environment variable {name} is not set")
    return value
