import json
import pickle
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking import policies
from retrieval.ranking.policies import POLICIES, Policy, Step, describe_steps, parse_steps, split_steps

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@st.composite
def step_lists(draw: st.DrawFn) -> list[Step]:
    """Valid steps in a valid order, with any parameters in range."""
    chosen = draw(st.lists(st.sampled_from(Policy), unique=True))
    ordered = sorted(chosen, key=lambda policy: not POLICIES[policy].searches_again)
    steps = []
    for policy in ordered:
        params: dict[str, int | float] = {}
        for name, card in POLICIES[policy].parameters.items():
            least, most = card.least, card.most
            whole = st.integers(int(least), int(most))
            params[name] = draw(whole if card.whole else st.floats(least, most))
        steps.append(Step(policy, params))
    return steps


def test_policies_have_the_defaults_of_the_design() -> None:
    defaults = {policy.value: dict(Step(policy).params) for policy in Policy}
    assert defaults == {
        "aqe": {"k": 5},
        "alpha_qe": {"k": 5, "alpha": 3.0},
        "k_reciprocal": {"k1": 20, "k2": 6, "lambda": 0.3},
        "soft_rank": {"neighbours": 3},
        "distractors": {"k": 5, "query_k": 10},
    }


def test_every_policy_has_a_card_whose_defaults_are_in_range() -> None:
    assert set(POLICIES) == set(Policy)
    for card in POLICIES.values():
        assert card.meaning
        assert all(p.least <= p.default <= p.most for p in card.parameters.values())


def test_parsed_steps_keep_order_and_take_defaults() -> None:
    steps = parse_steps(["alpha_qe", {"policy": "k_reciprocal", "k1": 30}, "distractors"])
    assert [step.policy for step in steps] == ["alpha_qe", "k_reciprocal", "distractors"]
    assert steps[1].params == {"k1": 30, "k2": 6, "lambda": 0.3}
    assert split_steps(steps) == (steps[:1], steps[1:])
    assert parse_steps([]) == ()


@given(step_lists())
def test_described_steps_parse_back_to_the_same_through_json(steps: list[Step]) -> None:
    described = json.loads(json.dumps(describe_steps(steps)))
    assert list(parse_steps(described)) == steps


def test_described_steps_say_what_is_not_the_default() -> None:
    steps = parse_steps(["aqe", {"policy": "k_reciprocal", "k1": 30, "k2": 6}])
    assert describe_steps(steps) == ["aqe", {"policy": "k_reciprocal", "k1": 30}]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("k_reciprocal", r"Expected a list of policies, not 'k_reciprocal'. Policies are aqe, alpha_qe"),
        (None, "Expected a list of policies, not None"),
        ({"policy": "aqe"}, "Expected a list of policies"),
        (["kreciprocal"], "Unknown policy: 'kreciprocal'. Policies are aqe, .* distractors."),
        ([{"policy": None}], "Unknown policy: None"),
        ([{"policy": ["aqe"]}], "Unknown policy"),
        ([3], "a name or an object with `policy` and its parameters, not 3. Policies are"),
        ([{"k": 3}], "a name or an object with `policy`"),
        ([[]], "a name or an object with `policy`"),
        ([{"policy": "aqe", "alpha": 3}], "Unknown parameter of aqe: 'alpha'. It takes k."),
        (
            [{"policy": "k_reciprocal", "k1": 0}],
            "k_reciprocal: k1 must be a whole number from 1 to 100, not 0",
        ),
        ([{"policy": "k_reciprocal", "k1": 101}], "from 1 to 100, not 101"),
        ([{"policy": "k_reciprocal", "k2": 6.0}], "k2 must be a whole number from 1 to 100, not 6.0"),
        ([{"policy": "k_reciprocal", "k2": True}], "k2 must be a whole number"),
        ([{"policy": "k_reciprocal", "k2": None}], "k2 must be a whole number"),
        ([{"policy": "k_reciprocal", "lambda": 1.01}], "lambda must be a number from 0 to 1, not 1.01"),
        ([{"policy": "alpha_qe", "alpha": float("nan")}], "alpha must be a number from 0 to 10, not nan"),
        ([{"policy": "alpha_qe", "alpha": "3"}], "alpha must be a number from 0 to 10, not '3'"),
        ([{"policy": "alpha_qe", "alpha": 10**400}], "alpha must be a number from 0 to 10"),
        (["aqe", {"policy": "aqe", "k": 3}], "aqe is named twice"),
        (["k_reciprocal", "aqe"], "aqe searches again, which loses what k_reciprocal did: put it before"),
    ],
)
def test_bad_steps_are_refused_with_what_to_do(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_steps(value)


def test_a_refusal_stays_short_whatever_was_sent() -> None:
    for value in (["x" * 100_000], [{"policy": "aqe", "y" * 100_000: 1}], "z" * 100_000):
        with pytest.raises(ValueError, match="aqe") as refused:
            parse_steps(value)
        assert len(str(refused.value)) < 300


@given(st.lists(_JSON, max_size=3) | _JSON)
def test_anything_is_either_parsed_or_refused_with_a_message(value: object) -> None:
    try:
        refusal = None
        steps = parse_steps(value)
    except ValueError as error:
        refusal = str(error)
    if refusal is None:
        assert all(step.policy in POLICIES for step in steps)
    else:
        assert refusal.endswith(".")


def test_a_step_is_checked_however_it_is_made_and_can_be_copied() -> None:
    with pytest.raises(ValueError, match="k1 must be"):
        Step(Policy.K_RECIPROCAL, {"k1": -1})
    step = Step(Policy.K_RECIPROCAL, {"lambda": 1})
    assert step.params["lambda"] == 1.0
    assert deepcopy(step) == step == pickle.loads(pickle.dumps(step))
    assert len({step, Step(Policy.AQE)}) == 2


def test_policies_import_nothing_but_the_standard_library() -> None:
    root = Path(policies.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); before = set(sys.modules); "
        "import retrieval.ranking.policies; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(loaded.stdout.split()) - set(sys.stdlib_module_names) == {"retrieval"}
