"""One tracking server for all tests that need one: it takes seconds to start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.experiments.servers import DATABASE, Server, server


@pytest.fixture(scope="package")
def one_server(
    tmp_path_factory: pytest.TempPathFactory, copy_tables: Callable[[Path], None]
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    copy_tables(folder / DATABASE)
    with server(folder) as started:
        yield started


@pytest.fixture
def running(one_server: Server) -> Server:
    """Return a server that runs, also where the last test killed it."""
    if not one_server.is_running:
        one_server.start()
    return one_server
