"""One server of each kind for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.object_stores.servers import Azurite, GoogleStorage, ObjectServer, SeaweedFS


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """A server of S3's protocol."""
    server = SeaweedFS(tmp_path_factory.mktemp("seaweedfs"))
    yield server.start()
    server.close()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """A server of Azure Blob Storage's protocol."""
    server = Azurite(tmp_path_factory.mktemp("azurite"))
    yield server.start()
    server.close()


@pytest.fixture(scope="session")
def google_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """A server of Google Cloud Storage's protocol."""
    server = GoogleStorage(tmp_path_factory.mktemp("google"))
    yield server.start()
    server.close()


@pytest.fixture(params=["seaweedfs", "azurite", "google_storage"])
def object_server(request: pytest.FixtureRequest) -> ObjectServer:
    """Each of the three in turn."""
    found: ObjectServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["seaweedfs", "azurite"])
def signing_server(request: pytest.FixtureRequest) -> ObjectServer:
    """Each of the two that are asked with a key, which also signs addresses."""
    found: ObjectServer = request.getfixturevalue(request.param)
    return found
