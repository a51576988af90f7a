"""The world of the proofs, built once for a module."""

import pytest

from tradebot_site.tests.api import world as worlds


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, paper):
    with django_db_blocker.unblock(), worlds.built(paper) as world:
        yield world
