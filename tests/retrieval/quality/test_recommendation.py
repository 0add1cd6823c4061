from typing import Any

import pytest

from retrieval.quality.recommendation import compare_policies, compare_settings, recommend


def figures(
    recall: float, precision: float, ms: float = 1.0, *, rerank: tuple[str, ...] = ("aqe",)
) -> dict[str, Any]:
    return {
        "rerank": list(rerank),
        "grouping": "max",
        "recall_at_1": recall,
        "recall_at_5": recall,
        "image_recall_at_1": recall,
        "mean_average_precision": precision,
        "median_ms": ms,
        "open_set": [
            {"false_accept_rate": 0.01, "threshold": 0.5, "true_accepts": recall, "false_accepts": 0.01}
        ],
        "at_threshold": {"true_accepts": recall, "wrong_accepts": 0.0, "false_accepts": None},
    }


PLAIN = figures(0.8, 0.6, rerank=())


def test_best_recall_is_recommended() -> None:
    assert recommend([PLAIN, figures(0.81, 0.9), figures(0.82, 0.5)]) == 2


def test_equal_recall_is_decided_by_precision_then_by_time() -> None:
    assert recommend([PLAIN, figures(0.82, 0.7), figures(0.82, 0.8)]) == 2
    assert recommend([PLAIN, figures(0.82, 0.8, 3.0), figures(0.82, 0.8, 2.0)]) == 2


@pytest.mark.parametrize(
    ("recall", "precision", "worth"),
    [
        (0.803, 0.5, True),
        (0.8029, 0.9, False),
        (0.8, 0.603, True),
        (0.8, 0.6029, False),
        (0.799, 0.9, False),
    ],
)
def test_change_from_plain_must_be_worth_it(recall: float, precision: float, *, worth: bool) -> None:
    assert recommend([PLAIN, figures(recall, precision)]) == int(worth)


def test_plain_ranking_with_a_vote_is_not_plain() -> None:
    vote = {**figures(0.9, 0.6, rerank=()), "grouping": "vote"}
    assert recommend([vote, PLAIN]) == 0
    with pytest.raises(ValueError, match="plain ranking"):
        recommend([vote])


def test_comparison_subtracts_the_other_evaluation_policy_by_policy() -> None:
    now, before = [PLAIN, figures(0.9, 0.7)], [figures(0.85, 0.7), figures(0.5, 0.5, rerank=("alpha_qe",))]
    plain, aqe = compare_policies(now, before)
    assert plain["differences"] is None
    assert aqe["differences"]["recall_at_1"] == 0.05
    assert aqe["differences"]["mean_average_precision"] == 0
    assert aqe["differences"]["true_accepts_at_0.01"] == 0.05
    assert aqe["differences"]["false_accepts_at_threshold"] is None


def test_comparison_names_settings_that_differ() -> None:
    now = {"shortlist": 100, "margin": 0.0, "index": {"preset": "exact", "dims": 128}}
    before = {"shortlist": 50, "margin": 0.0, "index": {"preset": "exact"}}
    assert compare_settings(now, before) == {"shortlist": [50, 100], "index.dims": [None, 128]}
