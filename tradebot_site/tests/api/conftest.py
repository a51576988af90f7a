from collections.abc import Iterator

import pytest

from ops.stack import testing
from tradebot_site.tests.api.streams import EventStream


@pytest.fixture(scope="module")
def stream(tmp_path_factory, django_db_setup) -> Iterator[EventStream]:
    """One process for the tests of a module; those that do something to it have their own."""
    children: list[testing.Child] = []
    yield EventStream(testing.spawner(tmp_path_factory.mktemp("stream"), children))
    for child in children:
        child.kill()
