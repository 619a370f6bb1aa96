"""The world of the matrix, made once a worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.matrix.world import World
from tests.servers import Postgres


@pytest.fixture(scope="session")
def world(postgres: Postgres, keys_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two trusts, three schools, entries of every class."""
    made = World(postgres=postgres, keys_folder=keys_folder, folder=tmp_path_factory.mktemp("matrix"))
    yield made
    made.close()
