import pytest

from tests.vitrine.comparisons import make_body
from vitrine.comparisons import name_way, read_comparison


@pytest.mark.parametrize(
    ("rerank", "grouping", "name"),
    [
        ([], "max", "plain"),
        ([], "vote", "vote"),
        (["alpha_qe", "k_reciprocal"], "max", "alpha_qe + k_reciprocal"),
        ([{"policy": "aqe", "k": 3}], "vote", "aqe(k=3), vote"),
        ([{"policy": "k_reciprocal", "lambda": 0.25, "k1": 10}], "max", "k_reciprocal(lambda=0.25, k1=10)"),
    ],
)
def test_way_of_ranking_is_named_by_its_policies(rerank: list[object], grouping: str, name: str) -> None:
    assert name_way(rerank, grouping) == name


def test_evaluation_is_read_into_ways_of_ranking() -> None:
    comparison = read_comparison(make_body(0.5, 0.75, recommended=1))
    assert (comparison.queries, comparison.strangers, comparison.recommended) == (4, 4, 1)
    assert [(way.name, way.recall_at_1) for way in comparison.ways] == [("plain", 0.5), ("aqe", 0.75)]
    assert comparison.plain is comparison.ways[0]
    assert comparison.ways[1].true_accepts == {0.01: 0.25, 0.05: None}
