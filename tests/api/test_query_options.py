"""What a request may say over its gallery's settings, and what is answered for it."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pytest_django import DjangoDbBlocker

from tests.api.catalog import add_product, make_gallery, upload, wait_indexed
from tests.api.conftest import Stall
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.conftest import Service, Shop, open_shop

CHAIN = ["alpha_qe", "k_reciprocal"]


def ask(stall: Stall, action: str = "recognize", seed: int = 1, **data: object) -> dict[str, Any]:
    response = stall.shop.http.post(
        f"{stall.path}/{action}", files={"image": draw_photo(seed, tilt=4)}, data=data
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def refuse(stall: Stall, **data: object) -> str:
    """Why the options are refused."""
    response = stall.shop.http.post(f"{stall.path}/recognize", files={"image": draw_photo(1)}, data=data)
    check_problem(response, "invalid_settings")
    detail: str = response.json()["detail"]
    return detail


def explain(answer: dict[str, Any]) -> list[Any]:
    explained: list[Any] = answer["explain"]
    return explained


@pytest.fixture(scope="module")
def codes(service: Service, django_db_blocker: DjangoDbBlocker) -> Iterator[Stall]:
    """A gallery that is searched by bits."""
    with django_db_blocker.unblock():
        shop = open_shop(service, "acme")
    with shop.http:
        yield _fill(shop, make_gallery(shop, settings={"index": {"representation": "binary"}}))


def _fill(shop: Shop, gallery: str) -> Stall:
    products = [add_product(shop, gallery, f"sku-{seed}", category="packets") for seed in (1, 2, 3)]
    images = [
        image
        for seed, product in zip((1, 2, 3), products, strict=True)
        for image in upload(shop, gallery, product, draw_photo(seed))
    ]
    wait_indexed(shop, gallery, 3)
    return Stall(shop, gallery, products, images, "")


def test_rerank_is_the_same_in_repeated_fields_as_json_text_and_in_a_json_body(stall: Stall) -> None:
    photo = base64.b64encode(draw_photo(1, tilt=4)).decode()
    body = {"image": photo, "rerank": CHAIN, "explain": True}
    in_json: httpx.Response = stall.shop.http.post(f"{stall.path}/recognize", json=body)
    repeated = ask(stall, rerank=CHAIN, explain="true")
    as_text = ask(stall, rerank=json.dumps(CHAIN), explain="true")
    assert explain(repeated) == explain(as_text) == explain(in_json.json())
    (one,) = explain(ask(stall, rerank="k_reciprocal", explain="true", detect="false"))
    assert {frozenset(place["terms"]) for place in one["after"]} == {frozenset({"k_reciprocal"})}


def test_explanation_tells_the_order_before_and_after_and_only_when_asked(stall: Stall) -> None:
    asked: dict[str, Any] = {
        "detect": "false",
        "rerank": json.dumps([{"policy": "k_reciprocal", "lambda": 1.0}]),
    }
    assert "explain" not in ask(stall, **asked)
    (region,) = explain(ask(stall, explain="true", **asked))
    assert region["source"] == "whole"
    similarities = [place["similarity"] for place in region["before"]]
    assert similarities == sorted(similarities, reverse=True)
    assert len(region["before"]) == len(region["after"]) == 3
    for place in region["after"]:
        assert region["before"][place["before"]]["region_id"] == place["region_id"]
        terms = place["terms"]["k_reciprocal"]
        # With lambda 1 the neighbourhoods do not count: what is left is the original distance.
        assert place["score"] == pytest.approx(1 - terms["original"], abs=1e-5)
    scores = [place["score"] for place in region["after"]]
    assert scores == sorted(scores, reverse=True)


def test_shortlist_and_top_k_bound_what_is_ranked_and_answered(stall: Stall) -> None:
    (region,) = explain(ask(stall, explain="true", detect="false", shortlist="2"))
    assert len(region["after"]) == 2
    answer = ask(stall, top_k="1000", detect="false")
    assert len(answer["answer"]["candidates"]) == 3
    assert len(ask(stall, "search", top_k="1000", detect="false")["matches"]) == 3


def test_margin_and_threshold_decide_and_are_told(stall: Stall) -> None:
    plain = ask(stall)["answer"]
    assert (plain["outcome"], plain["product"]["sku"]) == ("product", "sku-1")
    assert plain["score"] >= plain["threshold"]
    unsure = ask(stall, margin="2", score_threshold="0.1")["answer"]
    assert (unsure["outcome"], unsure["reason"], unsure["threshold"]) == ("unknown", "ambiguous", 0.1)
    assert unsure["candidates"][0]["product"]["sku"] == "sku-1"
    held = ask(stall, score_threshold="1")["answer"]
    assert (held["reason"], held["threshold"]) == ("below_threshold", 1.0)


def test_option_of_another_kind_of_index_is_refused_with_the_reason(stall: Stall, codes: Stall) -> None:
    assert ask(stall, ef="16")["answer"]["product"]["sku"] == "sku-1"
    assert refuse(stall, nprobe="4") == "nprobe is no number of type HNSW. Leave it out."
    assert refuse(stall, hamming_radius="9").startswith(
        "hamming_radius needs representation binary or hybrid"
    )
    assert refuse(stall, oversample="9").startswith("oversample needs representation hybrid")
    assert refuse(codes, ef="16") == "ef is no number of type BIN_FLAT. Leave it out."


def test_radius_leaves_out_what_is_farther_and_tells_the_best_rejected(codes: Stall) -> None:
    matches = ask(codes, "search", detect="false")["matches"]
    distances = [match["distance"] for match in matches]
    assert distances == sorted(distances)
    assert all(isinstance(distance, int) for distance in distances)
    near = ask(codes, "search", detect="false", hamming_radius=str(distances[0]))["matches"]
    assert [match["image_id"] for match in near] == [matches[0]["image_id"]]
    answer = ask(codes, detect="false", hamming_radius=str(distances[0] - 1), score_threshold="-1")["answer"]
    assert (answer["outcome"], answer["reason"]) == ("unknown", "below_threshold")
    assert answer["candidates"][0]["product"]["sku"] == "sku-1"


def test_category_is_voted_on_unless_nobody_votes(stall: Stall, codes: Stall) -> None:
    voted = ask(codes)
    assert voted["answer"]["category"] == {"category": "packets", "share": 1.0}
    assert voted["regions"][0]["category"]["category"] == "packets"
    assert ask(codes, category_votes="0")["answer"]["category"] is None
    assert ask(stall)["answer"]["category"] is None


def test_threshold_of_a_product_takes_the_place_of_its_gallerys(codes: Stall) -> None:
    path = f"{codes.path}/products/{codes.products[1]}"
    changed = codes.shop.http.patch(path, json={"score_threshold": 1})
    assert changed.json()["score_threshold"] == 1.0
    refused = ask(codes, seed=2, score_threshold="-1")["answer"]
    assert (refused["reason"], refused["threshold"]) == ("below_threshold", 1.0)
    assert refused["candidates"][0]["product"]["sku"] == "sku-2"
    assert ask(codes, seed=1, score_threshold="-1")["answer"]["product"]["sku"] == "sku-1"
    assert codes.shop.http.patch(path, json={"score_threshold": None}).json()["score_threshold"] is None
    assert ask(codes, seed=2, score_threshold="-1")["answer"]["product"]["sku"] == "sku-2"
