"""The gateway by itself: its keys, and a broker that is not there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from gateway import create_app
from safekeep import bus, keys
from safekeep.settings import GatewaySettings


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application, pointed at a port of loopback where nothing listens."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    keys.ensure_ring(folder)
    before = bus._keys
    yield create_app(
        GatewaySettings(
            broker_url="amqp://guest:guest@127.0.0.1:9/",
            keys_file=str(folder / "process" / "gateway.json"),
            inner_port=0,
            public_url="http://localhost:8000",
        )
    )
    if before is not None:
        bus.use_keys(before)
