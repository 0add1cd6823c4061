"""Globex never sees, changes or learns of what is Acme's."""

from typing import Any

import pytest

from tests.api.conftest import SEEDS, Stall
from tests.api.operations import OPERATIONS, Operation, call, ids_of, random_ids
from tests.api.photos import draw_photo
from tests.api.problems import check_problem

ADDRESSED = [operation for operation in OPERATIONS if operation.names]


def shape(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what differs between any two answers."""
    return {name: value for name, value in body.items() if name != "request_id"}


def mix_ids(operation: Operation, own: dict[str, str], foreign: dict[str, str]) -> list[dict[str, str]]:
    """Addresses in which one id or all are foreign."""
    mixed = [{**own, name: foreign[name]} for name in operation.names]
    return [*mixed, foreign]


def read_everything(stall: Stall) -> list[Any]:
    """What the shop sees of its gallery."""
    of_gallery = ("products", "images", "labelled-queries", "calibrations", "evaluations")
    paths = [stall.path, *(f"{stall.path}/{name}" for name in of_gallery)]
    paths += [f"/v1/jobs/{stall.job}", "/v1/distractors", "/v1/uploads"]
    return [stall.shop.http.get(path).json() for path in paths]


@pytest.mark.parametrize("operation", ADDRESSED, ids=str)
def test_anothers_object_answers_as_one_that_does_not_exist(
    operation: Operation, stalls: tuple[Stall, Stall]
) -> None:
    acme, globex = stalls
    before = read_everything(acme), read_everything(globex)
    own, anothers, nobodys = ids_of(globex), ids_of(acme), random_ids()
    foreign = mix_ids(operation, own, anothers)
    unknown = mix_ids(operation, own, nobodys)
    for foreign_ids, unknown_ids in zip(foreign, unknown, strict=True):
        answer = call(operation, globex.shop, foreign_ids)
        reference = call(operation, globex.shop, unknown_ids)
        assert answer.status_code == reference.status_code == 404
        check_problem(answer)
        assert shape(answer.json()) == shape(reference.json())
        assert not [name for name in acme.ids if name in answer.text]
    assert (read_everything(acme), read_everything(globex)) == before


def test_lists_hold_ones_own_rows_only(stalls: tuple[Stall, Stall]) -> None:
    acme, globex = stalls
    of_gallery = ("products", "images", "labelled-queries", "calibrations", "evaluations")
    of_shop = ("/v1/galleries", "/v1/jobs", "/v1/distractors", "/v1/webhooks", "/v1/uploads")
    for path in (*of_shop, *(f"{globex.path}/{name}" for name in of_gallery)):
        response = globex.shop.http.get(path)
        assert response.json()["results"], path
        assert not [name for name in acme.ids if name in response.text]


def test_filters_of_lists_do_not_reach_anothers_rows(stalls: tuple[Stall, Stall]) -> None:
    acme, globex = stalls
    mine = globex.shop.http.get(f"{globex.path}/products", params={"sku": "sku-1"}).json()["results"]
    assert [product["id"] for product in mine] == globex.products[:1]
    for path, name, foreign in (
        (f"{globex.path}/images", "product", acme.products[0]),
        ("/v1/jobs", "gallery", acme.gallery),
    ):
        theirs = globex.shop.http.get(path, params={name: foreign}).json()
        assert theirs == {"results": [], "next": None}


def test_anothers_upload_cannot_be_imported(stalls: tuple[Stall, Stall]) -> None:
    acme, globex = stalls
    path = f"{globex.path}/imports"
    foreign = globex.shop.http.post(path, json={"upload": acme.measured["upload"]})
    unknown = globex.shop.http.post(path, json={"upload": random_ids()["upload"]})
    assert check_problem(foreign) == check_problem(unknown) == "upload_not_found"
    assert shape(foreign.json()) == shape(unknown.json())


def test_evaluation_is_not_compared_with_anothers(stalls: tuple[Stall, Stall]) -> None:
    acme, globex = stalls
    path = f"{globex.path}/evaluations/{globex.measured['evaluation']}"
    assert globex.shop.http.get(path, params={"compare": globex.measured["evaluation"]}).status_code == 200
    foreign = globex.shop.http.get(path, params={"compare": acme.measured["evaluation"]})
    unknown = globex.shop.http.get(path, params={"compare": random_ids()["evaluation"]})
    assert check_problem(foreign) == check_problem(unknown) == "evaluation_not_found"
    assert shape(foreign.json()) == shape(unknown.json())


@pytest.mark.parametrize("seed", SEEDS)
def test_same_photos_of_two_shops_are_never_mixed_up(stalls: tuple[Stall, Stall], seed: int) -> None:
    for stall, other in (stalls, stalls[::-1]):
        files = {"image": draw_photo(seed)}
        named = stall.shop.http.post(f"{stall.path}/recognize", files=files, data={"top_k": "20"})
        found = stall.shop.http.post(f"{stall.path}/search", files=files, data={"top_k": "20"})
        expected = stall.products[SEEDS.index(seed)]
        assert named.json()["answer"]["product"]["id"] == expected
        assert {match["image_id"] for match in found.json()["matches"]} == set(stall.images)
        assert not [name for name in other.ids if name in named.text + found.text]


def test_product_cannot_be_a_variant_of_anothers(stalls: tuple[Stall, Stall]) -> None:
    acme, globex = stalls
    path = f"{globex.path}/products/{globex.products[0]}"
    unknown = random_ids()["product"]
    foreign = globex.shop.http.patch(path, json={"style_of": acme.products[0]})
    missing = globex.shop.http.patch(path, json={"style_of": unknown})
    check_problem(foreign, "invalid_request")
    assert foreign.json()["detail"].replace(acme.products[0], unknown) == missing.json()["detail"]


def test_same_sku_and_name_are_free_for_each_shop(stalls: tuple[Stall, Stall]) -> None:
    names = [stall.shop.http.get(f"{stall.path}/products").json()["results"] for stall in stalls]
    acme, globex = ([product["sku"] for product in products] for products in names)
    assert acme == globex == ["sku-3", "sku-2", "sku-1"]
