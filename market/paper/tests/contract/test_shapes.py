"""Our answers and messages have the keys and JSON types of Binance's, as recorded, documented and modelled by its SDKs.

What differs is in ``known_differences.py``, with a reason each; what is there and does not differ any more fails too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from market.paper.tests.contract.answers import futures_answers, spot_answers
from market.paper.tests.contract.known_differences import FROM_EXAMPLES, FROM_MODELS, Difference
from market.paper.tests.contract.messages import messages
from market.paper.tests.contract.models import models
from market.paper.tests.contract.shapes import differences, shape_of, shape_of_model
from market.paper.tests.server import PaperServer

EXAMPLES = [
    json.loads(line)
    for file in sorted((Path(__file__).parent / "examples").glob("*.jsonl"))
    for line in file.read_text().splitlines()
]
MODELS = models()


@pytest.fixture(scope="session")
def answers(paper: PaperServer) -> dict[str, Any]:
    """An answer or message of ours by its name."""
    return spot_answers(paper) | futures_answers(paper) | messages(paper)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example['of']} ({example['from']})")
def test_answer_has_the_shape_of_the_example(answers: dict[str, Any], example: dict[str, Any]):
    assert unexplained(FROM_EXAMPLES, *from_example(answers, example)) == []


@pytest.mark.parametrize("name", MODELS)
def test_answer_has_the_shape_of_the_model_in_binances_sdk(answers: dict[str, Any], name: str):
    assert unexplained(FROM_MODELS, name, from_model(answers, name)) == []


def test_every_known_difference_is_still_there(answers: dict[str, Any]):
    seen = [from_example(answers, example) for example in EXAMPLES]
    modelled = [(name, from_model(answers, name)) for name in MODELS]

    assert gone(FROM_EXAMPLES, seen) + gone(FROM_MODELS, modelled) == []


def from_example(answers: dict[str, Any], example: dict[str, Any]) -> tuple[str, list[str]]:
    """Differences from an example; keys that an old example lacks came later."""
    found = differences(shape_of(example["body"]), shape_of(answers[example["of"]]), extras=example["newest"])
    return f"{example['of']} ({example['from']})", sorted(found)


def from_model(answers: dict[str, Any], name: str) -> list[str]:
    answer, expected = answers[name], shape_of_model(MODELS[name])
    return sorted(differences([expected] if isinstance(answer, list) else expected, shape_of(answer)))


def unexplained(known: list[Difference], name: str, found: list[str]) -> list[str]:
    return [what for what in found if not any(explains(entry, pattern, name, what) for entry, pattern in each(known))]


def gone(known: list[Difference], seen: list[tuple[str, list[str]]]) -> list[str]:
    """What is known of differences that nobody has seen, one pattern at a time."""
    return [
        f"{entry.where}: {pattern}"
        for entry, pattern in each(known)
        if not any(explains(entry, pattern, name, what) for name, found in seen for what in found)
    ]


def each(known: list[Difference]) -> Iterator[tuple[Difference, str]]:
    return ((entry, pattern) for entry in known for pattern in entry.what)


def explains(entry: Difference, pattern: str, name: str, what: str) -> bool:
    return fnmatchcase(name, entry.where) and fnmatchcase(what, pattern)
