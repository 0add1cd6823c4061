from collections.abc import Iterator

import pytest

from tests.vitrine.server import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    """The scripted server."""
    with serve() as found:
        yield found
