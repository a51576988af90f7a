"""What may be put on the board, and what is said of what may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.paper.faults.menu import FAULTS, menu
from market.paper.faults.params import BadStep, kinds_of
from market.paper.faults.steps import WHEN, read_script, read_step


def complaint(step: object) -> str:
    """What is said of a step."""
    with pytest.raises(BadStep) as error:
        read_step(step)
    return str(error.value)


def required(name: str) -> dict[str, object]:
    """The smallest step of a fault."""
    (entry,) = [entry for entry in menu() if entry["fault"] == name]
    wanted = [param for param, about in entry["params"].items() if about["default"] == "required"]
    return {"fault": name, **dict.fromkeys(wanted, 1)}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_what_it_does_and_can_be_asked_for(name):
    (entry,) = [entry for entry in menu() if entry["fault"] == name]

    step = read_step(required(name))

    assert step.name == name
    assert len(entry["does"]) > 20


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ([], "step: [] is no JSON object"),
        ({"fault": "earthquake"}, "fault: 'earthquake' is not one of drop_before, drop_after"),
        ({"fault": "drop_before", "tims": 1}, "tims: unknown; known are no parameters"),
        ({"fault": "delay_before"}, "delay_seconds: missing, a number from 0 to 3600"),
        ({"fault": "delay_before", "delay_seconds": 4000}, "delay_seconds: 4000 is no number from 0 to 3600"),
        ({"fault": "delay_before", "delay_seconds": True}, "delay_seconds: True is no number"),
        ({"fault": "error_before", "status": 200}, "status: 200 is no whole number from 400 to 599"),
        ({"fault": "error_before", "status": "503"}, "status: '503' is no whole number"),
        ({"fault": "error_before", "like": "x"}, "like: 'x' is not one of unknown | unavailable"),
        ({"fault": "error_before", "msg": "x" * 501}, "msg: no text of at most 500 characters"),
        ({"fault": "drop_before", "times": 0}, "times: 0 is no whole number from 1 to"),
        ({"fault": "drop_before", "probability": 1.5}, "probability: 1.5 is no number from 0 to 1"),
        ({"fault": "drop_before", "match": 1}, "match: 1 is no JSON object"),
        ({"fault": "drop_before", "match": {"event": "x"}}, "match.event: not of a fault of calls; known are account"),
        ({"fault": "drop_before", "match": {"method": "GOT"}}, "match.method: 'GOT' is not one of GET | POST"),
        ({"fault": "drop_before", "match": {"path": ""}}, "match.path: empty"),
        ({"fault": "halted", "match": {"account": "1"}}, "match.account: not of a fault of the market"),
        ({"fault": "halted", "times": 1}, "times: not of a fault of the market, which lasts for_seconds"),
    ],
)
def test_complaint_names_field_value_and_bound(step, said):
    assert complaint(step).startswith(said)


def test_complaint_about_a_script_names_the_step():
    with pytest.raises(BadStep, match=r"steps\[1\].times: 0 is no whole number from 1"):
        read_script([{"fault": "pause", "times": 1}, {"fault": "pause", "times": 0}], in_order=True)


def test_step_that_never_ends_may_only_be_the_last_in_order():
    endless, brief = {"fault": "drop_before"}, {"fault": "drop_before", "times": 1}

    with pytest.raises(BadStep, match=r"steps\[0\]: has neither times nor for_seconds"):
        read_script([endless, brief], in_order=True)

    assert len(read_script([brief, endless], in_order=True)) == 2
    assert len(read_script([endless, brief], in_order=False)) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = sorted({"match", *WHEN, *(name for fault in FAULTS.values() for name in kinds_of(fault))})


@given(st.sampled_from(sorted(FAULTS)), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_nonsense_is_complained_about_and_nothing_worse(name, given):
    try:
        step = read_step({"fault": name, **given})
    except BadStep as error:
        assert str(error)  # noqa: PT017
    else:
        assert step.name == name


@pytest.mark.parametrize("steps", [None, {}, [], [{"fault": "pause", "times": 1}] * 1001])
def test_script_is_a_list_of_one_to_a_thousand_steps(steps):
    with pytest.raises(BadStep, match="not a list of 1 to 1000 steps"):
        read_script(steps, in_order=True)
