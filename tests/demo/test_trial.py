from pathlib import Path

from rich.console import Console

from demo.folders import Query
from demo.report import print_results, print_summary
from demo.skus import make_sku
from demo.trial import Result, summarise_results
from vitrine.answers import Candidate, Recognition, Setting

PATH = Path("queries/tea/1.jpg")


def _answer(sku: str | None, *candidates: str) -> Recognition:
    ranked = tuple(Candidate(each, each.title(), 0.9) for each in (candidates or ((sku,) if sku else ())))
    named = Candidate(sku, sku.title(), 0.9) if sku else None
    return Recognition(named, ranked, 0.9, {"detect": 12.34}, Setting())


def _result(
    expected: str | None, answer: Recognition | None, *, judged: bool = True, refused: bool = False
) -> Result:
    return Result(
        Query(PATH, expected, judged=judged), answer, None if answer else "no answer", refused=refused
    )


def test_named_product_is_right_only_if_it_is_the_expected_one() -> None:
    assert _result("tea", _answer("tea")).right is True
    assert _result("tea", _answer("coffee")).right is False
    assert _result("tea", _answer(None)).right is False


def test_unknown_is_right_only_if_nothing_was_expected() -> None:
    assert _result(None, _answer(None)).right is True
    assert _result(None, _answer("tea")).right is False


def test_query_without_expectation_is_not_judged() -> None:
    assert _result(None, _answer("tea"), judged=False).right is None


def test_label_with_spaces_is_compared_by_its_sku() -> None:
    assert _result("Thé vert", _answer(make_sku("Thé vert"))).right is True


def test_best_candidate_counts_even_where_the_service_said_unknown() -> None:
    result = _result("tea", _answer(None, "tea", "coffee"))
    assert (result.right, result.nearest_right) == (False, True)


def test_summary_counts_each_kind_once() -> None:
    summary = summarise_results([
        _result("tea", _answer("tea")),
        _result("tea", _answer(None, "tea")),
        _result("tea", _answer("coffee")),
        _result(None, _answer(None)),
        _result(None, _answer("tea")),
        _result(None, _answer("tea"), judged=False),
        _result("tea", None),
        _result("tea", None, refused=True),
    ])  # fmt: skip
    assert (summary.known, summary.known_right, summary.nearest_right) == (3, 1, 2)
    assert (summary.unknown, summary.unknown_right) == (2, 1)
    assert (summary.unanswered, summary.refused) == (1, 1)


def test_table_shows_query_answer_expectation_and_stages() -> None:
    console = Console(record=True, width=150)
    results = [_result("tea", _answer("tea")), _result(None, None), _result("tea", _answer("[bold]x"))]
    print_results(console, results, {"tea": "Green Tea"})
    print_summary(console, summarise_results(results))
    text = console.export_text()
    first = next(line for line in text.splitlines() if "tea/1.jpg" in line)
    assert first.split() == ["tea/1.jpg", "Tea", "0.900", "Green", "Tea", "ok", "12.3", "0"]
    assert "[Bold]X" in text
    assert "known products right: 1 of 2" in text
    assert "without an answer: 1" in text
