import pytest

from bots.strategies import STRATEGIES
from bots.tests.backtest.trials import SCRIPTED


@pytest.fixture(autouse=True, scope="package")
def scripted():
    """The strategy `scripted`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STRATEGIES, SCRIPTED.name, SCRIPTED)
        yield
