"""Two shops, Acme and Globex, that have something of everything; the tests play the web server themselves."""

from collections.abc import Iterator

import pytest

from tests.jobs.conftest import broker, present_worker, relay  # noqa: F401 - fixtures
from tests.retrieval.conftest import rows, store  # noqa: F401 - fixtures
from tests.security.estates import Estate, open_estate


@pytest.fixture(scope="module")
def estates(rows: None) -> Iterator[tuple[Estate, Estate]]:  # noqa: F811 - the fixture
    """Acme's and Globex's, the same in all that a shop can choose."""
    made = open_estate("acme"), open_estate("globex")
    with made[0].shop.http, made[1].shop.http:
        yield made
