import numpy as np
import pytest

from retrieval.quality.figures import Answer, find_figures


def answer(
    truth: int | None, products: list[int], images: list[int], *, score: float = 0.5, named: bool = True
) -> Answer:
    return Answer(truth, np.array(products, np.int64), np.array(images, np.int64), 2, score, named)


def stranger(score: float, *, named: bool = False) -> Answer:
    return answer(None, [1], [1], score=score, named=named)


def test_recall_counts_products_and_image_recall_the_nearest_photo() -> None:
    known = [
        answer(7, [7, 8], [8, 7]),
        answer(7, [8, 7], [7, 8]),
        answer(7, [1, 2, 3, 4, 7], [1]),
        answer(7, [], []),
    ]
    figures = find_figures(known, [])
    assert figures["recall_at_1"] == 0.25
    assert figures["recall_at_5"] == 0.75
    assert figures["image_recall_at_1"] == 0.25


def test_precision_counts_photos_that_the_shortlist_cut_off_as_missed() -> None:
    both, one_late, none = answer(7, [7], [7, 7]), answer(7, [8], [8, 7]), answer(7, [8], [8])
    assert find_figures([both], [])["mean_average_precision"] == 1.0
    assert find_figures([one_late], [])["mean_average_precision"] == 0.25
    assert find_figures([both, one_late, none], [])["mean_average_precision"] == pytest.approx(1.25 / 3)


def test_precision_survives_a_photo_indexed_since_they_were_counted() -> None:
    assert find_figures([answer(7, [7], [7, 7, 7])], [])["mean_average_precision"] == 1.0


def test_open_set_names_known_photos_only_when_they_are_right() -> None:
    known = [answer(7, [7], [7], score=0.9), answer(7, [8], [8], score=0.95), answer(7, [7], [7], score=0.1)]
    strangers = [stranger(0.5)] + [stranger(0.004 * place) for place in range(99)]
    one, five = find_figures(known, strangers)["open_set"]
    assert (one["false_accept_rate"], five["false_accept_rate"]) == (0.01, 0.05)
    assert one["false_accepts"] == 0.01
    assert one["true_accepts"] == pytest.approx(1 / 3, abs=1e-6)


def test_accepts_at_the_threshold_are_told_apart() -> None:
    known = [
        answer(7, [7], [7]),
        answer(7, [8], [8]),
        answer(7, [7], [7], named=False),
        answer(7, [8], [8], named=False),
    ]
    strangers = [stranger(0.5, named=True), stranger(0.5), stranger(0.5), stranger(0.5)]
    found = find_figures(known, strangers)["at_threshold"]
    assert found == {"true_accepts": 0.25, "wrong_accepts": 0.25, "false_accepts": 0.25}


def test_figures_without_strangers_are_none_where_they_need_them() -> None:
    figures = find_figures([answer(7, [7], [7])], [])
    assert figures["at_threshold"]["false_accepts"] is None
    assert [row["true_accepts"] for row in figures["open_set"]] == [None, None]
