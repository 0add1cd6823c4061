"""Methods, ids, cursors and filters that make no sense: each ends as a clear 4xx problem."""

import base64

import pytest

from tests.api.conftest import Stall
from tests.api.operations import OPERATIONS, ids_of
from tests.api.problems import check_problem


def encode_cursor(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("path", sorted({operation.path for operation in OPERATIONS}))
def test_wrong_method_is_refused(stall: Stall, path: str) -> None:
    allowed = {operation.method.upper() for operation in OPERATIONS if operation.path == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} - allowed:
        response = stall.shop.http.request(method, path.format(**ids_of(stall)))
        check_problem(response, "method_not_allowed")
        assert set(response.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == allowed


@pytest.mark.parametrize("wrong", ["x", "0", "00000000-0000-0000-0000-00000000000g", "..%2f..", "%00", "é"])
def test_id_that_is_none_is_not_found(stall: Stall, wrong: str) -> None:
    for operation in OPERATIONS:
        if operation.names:
            ids = dict.fromkeys(operation.names, wrong)
            response = stall.shop.http.request(operation.method.upper(), operation.path.format(**ids))
            check_problem(response, "not_found")


LISTS = ["/v1/galleries", "/v1/jobs", "/v1/uploads", "{path}/products", "{path}/images"]


@pytest.mark.parametrize("address", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "%00",
        "é",
        encode_cursor("p=abc"),
        encode_cursor("p=\x00"),
        encode_cursor("o=abc"),
        encode_cursor("o=-1&p=5"),
        encode_cursor("p=00000000-0000-0000-0000-00000000000g&r=1"),
        encode_cursor("p=" + "9" * 2000),
    ],
)
def test_bad_cursor_is_refused(stall: Stall, address: str, cursor: str) -> None:
    response = stall.shop.http.get(address.format(path=stall.path), params={"cursor": cursor})
    assert check_problem(response) in {"not_found", "invalid_request"}


@pytest.mark.parametrize("address", LISTS)
def test_limit_stays_within_bounds(stall: Stall, address: str) -> None:
    path = address.format(path=stall.path)
    for limit in ("0", "-5", "abc", "", "1e9", "\x00", "9" * 400, "201"):
        response = stall.shop.http.get(path, params={"limit": limit})
        assert response.status_code == 200, limit
        assert 1 <= len(response.json()["results"]) <= 200
    assert len(stall.shop.http.get(path, params={"limit": "1"}).json()["results"]) == 1


@pytest.mark.parametrize(
    ("address", "name", "value"),
    [
        ("{path}/images", "state", "lost"),
        ("{path}/images", "state", "\x00"),
        ("{path}/images", "product", "abc"),
        ("{path}/images", "product", "\x00"),
        ("/v1/jobs", "state", "lost"),
        ("/v1/jobs", "kind", "\x00"),
        ("/v1/jobs", "gallery", "abc"),
        ("/v1/jobs", "gallery", "\x00"),
        ("/v1/jobs/{job}/items", "state", "lost"),
        ("/v1/jobs/{job}/items", "conflicts", "perhaps"),
    ],
)
def test_filter_that_makes_no_sense_is_refused(stall: Stall, address: str, name: str, value: str) -> None:
    response = stall.shop.http.get(address.format(path=stall.path, job=stall.job), params={name: value})
    check_problem(response, "invalid_request")
    assert name in response.json()["errors"]


@pytest.mark.parametrize("sku", ["\x00", "sku-1\x00", "", "x" * 3000, "%", "\ud7ff"])
def test_sku_filter_takes_anything(stall: Stall, sku: str) -> None:
    response = stall.shop.http.get(f"{stall.path}/products", params={"sku": sku})
    assert response.json() == {"results": [], "next": None}


def test_answer_in_another_format_is_not_to_be_had(stall: Stall) -> None:
    response = stall.shop.http.get("/v1/galleries", headers={"Accept": "text/html"})
    check_problem(response, "not_acceptable")
    check_problem(stall.shop.http.get("/v1/galleries?format=xml"), "not_found")


def test_unknown_address_and_host_are_problems_too(stall: Stall) -> None:
    for path in ("/v1/nothing", "/v1/galleries/", "/v2/galleries", "/static/nothing.js", "/%00"):
        check_problem(stall.shop.http.get(path), "not_found")
    response = stall.shop.http.get("/v1/galleries", headers={"Host": "evil.example"})
    check_problem(response, "invalid_request")


def test_odd_charset_of_an_address_is_no_error_of_ours(stall: Stall) -> None:
    for charset in ("idna", "rot13", "hex"):
        headers = {"Content-Type": f"text/plain; charset={charset}"}
        response = stall.shop.http.get(f"{stall.path}/products?sku=%ff%00%ed%a0%80", headers=headers)
        assert response.json() == {"results": [], "next": None}
        crowd = "&".join(["a="] * 1200)
        check_problem(stall.shop.http.get(f"/v1/galleries?{crowd}", headers=headers), "body_too_large")
