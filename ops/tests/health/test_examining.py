"""Everything is looked at, in bounded time, whatever hangs."""

from django.utils import timezone

from ops.health import examine
from ops.health.checks import CHECKS


def test_each_check_tells_something(transactional_db):
    found = examine(now=timezone.now())

    assert {finding.check for finding in found} == set(CHECKS)
