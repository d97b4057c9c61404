"""One SeaweedFS and one Azurite for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.object_stores.servers import Azurite, ObjectServer, SeaweedFS


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


@pytest.fixture(params=["seaweedfs", "azurite"])
def object_server(request: pytest.FixtureRequest) -> ObjectServer:
    """Each of the two in turn."""
    found: ObjectServer = request.getfixturevalue(request.param)
    return found
