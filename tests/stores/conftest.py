"""What tests of the stores on PostgreSQL get: a database of their own."""

from collections.abc import Iterator

import pytest

from tests.postgres_server import PostgresServer


@pytest.fixture
def name(cluster: PostgresServer) -> Iterator[str]:
    """The name of a database with the newest schema and nothing in it."""
    name = cluster.take_database()
    yield name
    cluster.give_back(name)
