"""Galleries measured through the API, and what is found taken over."""

from typing import Any

import pytest

from tests.api.catalog import add_product, make_gallery, upload, wait_indexed
from tests.api.measuring import add_distractors, add_queries, calibrate, evaluate
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.conftest import Shop


@pytest.fixture
def gallery(acme: Shop) -> str:
    """Acme's gallery of three products with two photos each."""
    made = make_gallery(acme)
    for seed in (1, 2, 3):
        product = add_product(acme, made, f"sku-{seed}")
        upload(acme, made, product, draw_photo(seed), draw_photo(seed, tilt=12))
    wait_indexed(acme, made, 6)
    return made


def read(shop: Shop, path: str, **query: str) -> dict[str, Any]:
    answer = shop.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_evaluation_is_read_compared_and_applied(acme: Shop, gallery: str) -> None:
    path = f"/v1/galleries/{gallery}/evaluations"
    add_distractors(acme, draw_photo(70))
    first = evaluate(acme, gallery, source="leave_one_out")
    shown = read(acme, f"{path}/{first}")
    assert (shown["queries"], shown["strangers"], shown["comparison"]) == (6, 7, None)
    assert [policy["rerank"] for policy in shown["policies"]][-1] == ["distractors"]
    assert all(0 <= policy["recall_at_1"] <= policy["recall_at_5"] <= 1 for policy in shown["policies"])
    assert shown["recommended"] == {
        name: shown["policies"][shown["recommended_policy"]][name] for name in ("rerank", "grouping")
    }
    applied = acme.http.post(f"{path}/{first}/apply", json={"policy": 4})
    assert applied.status_code == 200, applied.text
    assert applied.json()["settings"]["rerank"] == ["k_reciprocal"] == shown["policies"][4]["rerank"]
    second = evaluate(acme, gallery, source="leave_one_out", policies=[["k_reciprocal"]])
    compared = read(acme, f"{path}/{second}", compare=first)["comparison"]
    assert compared["settings"] == {"rerank": [[], ["k_reciprocal"]]}
    assert compared["policies"][0]["differences"]["recall_at_1"] == 0
    assert [row["id"] for row in read(acme, path)["results"]] == [second, first]


def test_labelled_queries_are_asked_as_shops_ask(acme: Shop, gallery: str) -> None:
    add_queries(acme, gallery, "sku-1", draw_photo(1, tilt=-6))
    add_queries(acme, gallery, "sku-2", draw_photo(2, tilt=-6))
    add_queries(acme, gallery, "", draw_photo(60))
    found = evaluate(acme, gallery, source="queries", policies=[[]])
    shown = read(acme, f"/v1/galleries/{gallery}/evaluations/{found}")
    assert (shown["queries"], shown["strangers"]) == (2, 1)
    assert shown["policies"][0]["recall_at_1"] == 1.0


def test_calibration_with_too_little_data_says_what_is_lacking(acme: Shop, gallery: str) -> None:
    path = f"/v1/galleries/{gallery}/calibrations"
    found = calibrate(acme, gallery, false_accept_rate=0.1)
    shown = read(acme, f"{path}/{found}")
    assert (shown["threshold"], shown["genuine"], shown["impostors"]) == (None, 6, 6)
    assert shown["false_accept_rate"] == 0.1
    assert "24 more genuine scores" in shown["message"]
    assert 1 <= len(shown["curve"]) <= 200
    check_problem(acme.http.post(f"{path}/{found}/apply"), "calibration_without_threshold")


def test_calibration_with_enough_data_is_applied(acme: Shop) -> None:
    gallery = make_gallery(acme)
    for seed in range(16):
        product = add_product(acme, gallery, f"sku-{seed}")
        upload(acme, gallery, product, draw_photo(seed), draw_photo(seed, tilt=10))
    wait_indexed(acme, gallery, 32)
    add_distractors(acme, *(draw_photo(seed) for seed in range(100, 118)))
    path = f"/v1/galleries/{gallery}/calibrations"
    found = calibrate(acme, gallery)
    shown = read(acme, f"{path}/{found}")
    assert (shown["genuine"], shown["impostors"], shown["message"]) == (32, 50, "")
    assert shown["false_accepts"] <= shown["false_accept_rate"] == 0.05
    applied = acme.http.post(f"{path}/{found}/apply").json()
    assert applied["settings"]["score_threshold"] == shown["threshold"]


def test_gallery_without_photos_cannot_be_measured(acme: Shop) -> None:
    path = f"/v1/galleries/{make_gallery(acme)}"
    check_problem(acme.http.post(f"{path}/calibrations", json={}), "gallery_empty")
    refused = acme.http.post(f"{path}/evaluations", json={"source": "leave_one_out"})
    check_problem(refused, "gallery_empty")


def test_evaluation_that_cannot_be_made_is_refused_at_once(acme: Shop, gallery: str) -> None:
    path = f"/v1/galleries/{gallery}/evaluations"
    for body, code in (
        ({}, "invalid_request"),
        ({"source": "guess"}, "invalid_request"),
        ({"source": "queries"}, "no_labelled_queries"),
        ({"source": "leave_one_out", "sample": 9}, "invalid_request"),
        ({"source": "leave_one_out", "sample": 5001}, "invalid_request"),
        ({"source": "leave_one_out", "policies": [["best"]]}, "invalid_settings"),
        ({"source": "leave_one_out", "policies": [[]] * 21}, "invalid_request"),
        ({"source": "leave_one_out", "policies": "aqe"}, "invalid_request"),
    ):
        check_problem(acme.http.post(path, json=body), code)
    for rate in (-0.1, 1.1, "much"):
        refused = acme.http.post(f"/v1/galleries/{gallery}/calibrations", json={"false_accept_rate": rate})
        check_problem(refused, "invalid_request")
    assert read(acme, "/v1/jobs", kind="evaluate")["results"] == []


def test_policy_that_was_not_evaluated_cannot_be_applied(acme: Shop, gallery: str) -> None:
    found = evaluate(acme, gallery, source="leave_one_out", policies=[["aqe"]])
    path = f"/v1/galleries/{gallery}/evaluations/{found}/apply"
    check_problem(acme.http.post(path, json={"policy": 3}), "policy_not_found")
    check_problem(acme.http.post(path, json={"policy": -1}), "invalid_request")
    assert acme.http.post(path, json={}).status_code == 200
