"""The pages in docs/strategies say what the code does: they can't go stale without a test that fails."""

from pathlib import Path

import pytest

from bots.strategies import STRATEGIES
from bots.tests.recorded import recorded

PAGES = Path(__file__).parents[2] / "docs" / "strategies"
EVERY_STRATEGY = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda strategy: strategy.name)


def page_of(strategy):
    return (PAGES / f"{strategy.name}.md").read_text()


def row(parameter):
    allowed = " or ".join(parameter.choices) or f"{parameter.minimum:g} to {parameter.maximum:g}"
    return f"| `{parameter.name}` | {parameter.default} | {allowed} | {parameter.help} |"


def paragraph(text):
    return " ".join(text.split())


@EVERY_STRATEGY
def test_the_table_of_parameters_is_the_schema(strategy):
    rows = [line for line in page_of(strategy).splitlines() if line.startswith("| `")]

    assert rows == [row(parameter) for parameter in strategy.parameters]


@EVERY_STRATEGY
def test_the_reference_reading_is_what_it_says(strategy):
    reading = strategy.read(recorded("spot", "BTCUSDT"), strategy.complete({}))

    assert f"`{reading.text}`" in paragraph(page_of(strategy))


@EVERY_STRATEGY
def test_the_page_says_how_many_candles_it_needs(strategy):
    assert f"{strategy.candles_needed(strategy.complete({}))} candles with the defaults" in page_of(strategy)


@EVERY_STRATEGY
def test_the_overview_has_it(strategy):
    assert f"| [{strategy.name}]({strategy.name}.md) |" in (PAGES / "README.md").read_text()


def test_there_is_no_page_without_a_strategy():
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == {*STRATEGIES}
