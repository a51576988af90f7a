"""One process for all tests that need one."""

from __future__ import annotations

import pytest

from market.paper.tests.server import PaperServer


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory):
    """A running exchange without a limit of weight."""
    with PaperServer(tmp_path_factory.mktemp("paper") / "ledger.sqlite3", "--weight-limit", "0") as server:
        yield server
