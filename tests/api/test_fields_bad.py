"""Fields and options that cannot be: each is refused by name, and nothing is stored."""

import json
import uuid
from typing import Any

import pytest

from tests.api.catalog import post_raw
from tests.api.conftest import Stall
from tests.api.photos import draw_photo
from tests.api.problems import check_problem

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("top_k", "0"),
        ("top_k", "-1"),
        ("top_k", "1000000"),
        ("top_k", "many"),
        ("top_k", "1" * 2000),
        ("max_regions", "0"),
        ("max_regions", "21"),
        ("score_threshold", "1.5"),
        ("score_threshold", "-1.5"),
        ("score_threshold", "nan"),
        ("score_threshold", "inf"),
        ("detect", "perhaps"),
        ("fallback", "perhaps"),
        ("shortlist", "1001"),
        ("grouping", "mean"),
        ("vote_k", "0"),
        ("margin", "-0.1"),
        ("margin", "nan"),
        ("category_votes", "-1"),
        ("hamming_radius", "-1"),
        ("ef", "0"),
        ("nprobe", "0"),
        ("oversample", "101"),
        ("explain", "perhaps"),
        ("rerank", "zoom"),
        ("rerank", "[[]]"),
        ("rerank", "[" * 3000),
        ("rerank", '["aqe"'),
        ("rerank", '[{"policy": "aqe", "k": 0}]'),
        ("rerank", '["k_reciprocal", "aqe"]'),
    ],
)
def test_option_out_of_bounds_is_refused_by_name(stall: Stall, field: str, value: str) -> None:
    response = stall.shop.http.post(
        f"{stall.path}/recognize", files={"image": draw_photo(1)}, data={field: value}
    )
    check_problem(response, "invalid_request")
    assert list(response.json()["errors"]) == [field]
    assert response.json()["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "   "},
        {"name": None},
        {"name": "x" * 201},
        {"name": "nul\x00"},
        {"name": "half \ud800"},
        {"name": ["a"]},
        {"name": {"a": 1}},
        {"name": "ok", "settings": []},
        {"name": "ok", "settings": None},
    ],
    ids=repr,
)
def test_gallery_that_cannot_be_is_refused(stall: Stall, fields: dict[str, Any]) -> None:
    body = json.dumps(fields).encode()
    check_problem(post_raw(stall.shop, "/v1/galleries", body, "application/json"), "invalid_request")
    check_problem(stall.shop.http.patch(stall.path, content=body, headers=JSON), "invalid_request")


@pytest.mark.parametrize(
    "settings",
    [
        {"zoom": 1},
        {"half \ud800": 1},
        {"max_regions": 0},
        {"score_threshold": 2},
        {"detect": "perhaps"},
        {"rerank": ["zoom"]},
        {"index": []},
        {"index": {"zoom": 1}},
        {"index": {"half \ud800": 1}},
        {"index": {"ef": 0}},
        {"index": {"embedders": ["../../etc/passwd"]}},
        {"index": {"embedders": ["x" * 41]}},
        {"index": {"type": "BIN_FLAT"}},
        {"index": {"preset": "compact", "ef": 64}},
    ],
    ids=repr,
)
def test_settings_that_cannot_be_are_refused(stall: Stall, settings: dict[str, Any]) -> None:
    before = stall.shop.http.get(stall.path).json()["settings"]
    body = json.dumps({"name": uuid.uuid4().hex, "settings": settings}).encode()
    check_problem(post_raw(stall.shop, "/v1/galleries", body, "application/json"), "invalid_settings")
    check_problem(stall.shop.http.patch(stall.path, content=body, headers=JSON), "invalid_settings")
    assert stall.shop.http.get(stall.path).json()["settings"] == before


def test_settings_that_are_no_number_are_refused(stall: Stall) -> None:
    for value in ("nan", "inf"):
        body = {"name": uuid.uuid4().hex, "settings": {"score_threshold": value}}
        response = stall.shop.http.post("/v1/galleries", json=body)
        assert check_problem(response) in {"invalid_request", "invalid_settings"}


def test_gallery_with_an_unknown_embedder_is_refused(stall: Stall) -> None:
    response = stall.shop.http.post(
        "/v1/galleries", json={"name": "x", "settings": {"index": {"embedders": ["no_such_model"]}}}
    )
    check_problem(response, "model_missing")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"sku": ""},
        {"sku": None},
        {"sku": "x" * 101},
        {"sku": "nul\x00"},
        {"sku": "line\nend"},
        {"sku": "tab\tstop"},
        {"sku": "wide \x85 control"},
        {"sku": "half \ud800"},
        {"sku": ["a"]},
        {"sku": "ok", "title": "x" * 301},
        {"sku": "ok", "title": "nul\x00"},
        {"sku": "ok", "category": "x" * 201},
        {"sku": "ok", "category": None},
        {"sku": "ok", "attributes": []},
        {"sku": "ok", "attributes": None},
        {"sku": "ok", "attributes": "text"},
        {"sku": "ok", "attributes": {f"name{number}": 1 for number in range(101)}},
        {"sku": "ok", "attributes": {"colour": "nul\x00"}},
        {"sku": "ok", "attributes": {"nul\x00": 1}},
        {"sku": "ok", "attributes": {"deep": [{"inner": ["nul\x00"]}]}},
        {"sku": "ok", "attributes": {"colour": "half \ud800"}},
        {"sku": "ok", "attributes": {"long": "x" * 100_000}},
        {"sku": "ok", "score_threshold": 1.1},
        {"sku": "ok", "score_threshold": -1.1},
        {"sku": "ok", "score_threshold": "nan"},
        {"sku": "ok", "style_of": "no id"},
        {"sku": "ok", "style_of": 5},
        {"sku": "ok", "style_of": -1},
        {"sku": "ok", "style_of": 10**60},
        {"sku": "ok", "style_of": 1.5},
        {"sku": "ok", "style_of": True},
        {"sku": "ok", "style_of": []},
        {"sku": "ok", "style_of": ["a"]},
        {"sku": "ok", "style_of": {"a": 1}},
        {"sku": "ok", "style_of": str(uuid.UUID(int=0))},
        {"sku": "ok", "style_of": "nul\x00"},
    ],
    ids=lambda fields: repr(fields)[:60],
)
def test_product_that_cannot_be_is_refused(stall: Stall, fields: dict[str, Any]) -> None:
    path = f"{stall.path}/products"
    body = json.dumps(fields).encode()
    check_problem(post_raw(stall.shop, path, body, "application/json"), "invalid_request")
    skus = {product["sku"] for product in stall.shop.http.get(path).json()["results"]}
    assert skus == {"sku-1", "sku-2", "sku-3"}


def test_attribute_that_is_no_finite_number_is_refused(stall: Stall) -> None:
    body = b'{"sku": "infinite", "attributes": {"weight": 1e999}}'
    response = post_raw(stall.shop, f"{stall.path}/products", body, "application/json")
    check_problem(response, "invalid_request")


def test_product_cannot_be_a_variant_of_itself(stall: Stall) -> None:
    path = f"{stall.path}/products/{stall.products[0]}"
    check_problem(stall.shop.http.patch(path, json={"style_of": stall.products[0]}), "invalid_request")


def test_taken_sku_and_name_are_conflicts(stall: Stall) -> None:
    path = f"{stall.path}/products"
    check_problem(stall.shop.http.post(path, json={"sku": "sku-1"}), "sku_taken")
    check_problem(stall.shop.http.patch(f"{path}/{stall.products[1]}", json={"sku": "sku-1"}), "sku_taken")
    name = stall.shop.http.get(stall.path).json()["name"]
    check_problem(stall.shop.http.post("/v1/galleries", json={"name": name}), "gallery_name_taken")
