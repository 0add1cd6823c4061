"""The OpenAPI document is the contract: it is valid, complete, and what is answered keeps to it."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.errors import PROBLEMS
from tests.api.catalog import add_product, make_gallery
from tests.api.conftest import Stall
from tests.api.operations import METHODS, OPERATIONS, Operation, call, describe_api, ids_of, random_ids
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.conftest import Service, Shop

DOCUMENT = describe_api()


def find_operation(operation_id: str) -> dict[str, Any]:
    """What the document says of an operation."""
    (found,) = [operation for operation in OPERATIONS if operation.id == operation_id]
    described: dict[str, Any] = DOCUMENT["paths"][found.path][found.method]
    return described


def check_answer(operation_id: str, response: httpx.Response) -> None:
    """That the document has this answer, and that its body is as it says."""
    described = find_operation(operation_id)["responses"][str(response.status_code)]
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    if not response.content:
        assert "content" not in described
        return
    content = described["content"][media_type]
    if not media_type.endswith("json"):
        return
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(response.json())


def test_document_served_is_json_and_valid_openapi_31(service: Service) -> None:
    response = httpx.get(f"{service.url}/openapi.json")
    assert "json" in response.headers["Content-Type"]
    served = response.json()
    assert served["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(served).validate()
    assert served == json.loads(json.dumps(DOCUMENT))


def test_document_is_made_without_a_guess(tmp_path: Path) -> None:
    call_command("spectacular", "--fail-on-warn", "--file", str(tmp_path / "openapi.json"))


def test_document_gives_every_operation_a_name_of_its_own() -> None:
    methods = [method for path in DOCUMENT["paths"].values() for method in path if method in METHODS]
    assert len({operation.id for operation in OPERATIONS}) == len(OPERATIONS) == len(methods) >= 18
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", operation.id) for operation in OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_operation_describes_its_errors_its_key_and_itself(operation: Operation) -> None:
    described = find_operation(operation.id)
    expected = {"400", "401", "403", "503"} | ({"404"} if operation.names else set())
    if operation.method in {"post", "patch"}:
        expected |= {"409", "413", "415", "422"}
    assert expected <= described["responses"].keys()
    for status in expected:
        content = described["responses"][status]["content"]
        assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert [list(scheme) for scheme in described["security"]] == [["apiKey"]]
    assert described["description"]


def test_document_lists_every_code_and_fits_every_problem(stall: Stall) -> None:
    problem = DOCUMENT["components"]["schemas"]["Problem"]
    assert problem["properties"]["code"]["enum"] == sorted(PROBLEMS)
    for operation in OPERATIONS:
        if operation.names:
            check_answer(operation.id, call(operation, stall.shop, random_ids()))
    check_answer("create_gallery", stall.shop.http.post("/v1/galleries", json={"name": ""}))
    check_answer("recognize", stall.shop.http.post(f"{stall.path}/recognize", files={"image": b""}))


@pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if operation.method == "get"], ids=str
)
def test_read_answers_as_the_document_says(operation: Operation, stall: Stall) -> None:
    response = call(operation, stall.shop, ids_of(stall))
    assert response.status_code == 200
    check_answer(operation.id, response)


def test_photo_is_a_file_in_a_form_and_base64_in_json() -> None:
    for operation_id in ("recognize", "search"):
        content = find_operation(operation_id)["requestBody"]["content"]
        for media_type, schema in (
            ("multipart/form-data", {"type": "string", "format": "binary"}),
            ("application/json", {"type": "string", "contentEncoding": "base64"}),
        ):
            name = content[media_type]["schema"]["$ref"].rpartition("/")[2]
            image = DOCUMENT["components"]["schemas"][name]["properties"]["image"]
            assert image.items() >= schema.items()
            assert len(set(schema) & {"format", "contentEncoding"} & set(image)) == 1


def test_settings_answered_and_said_are_as_the_document_says(stall: Stall) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    shown = stall.shop.http.get(stall.path).json()["settings"]
    for name, settings in (("GallerySettings", shown), ("GallerySettingsChange", shown)):
        Draft202012Validator(schemas[name]).validate(settings)
    cleared = {**dict.fromkeys(shown), "index": dict.fromkeys(shown["index"])}
    assert Draft202012Validator(schemas["GallerySettingsChange"]).is_valid(cleared)
    for wrong in ({"zoom": 1}, {"detect": 1}, {"index": {"ef": 0}}, {"rerank": ["zoom"]}, {"grouping": "x"}):
        assert not Draft202012Validator(schemas["GallerySettingsChange"]).is_valid(wrong)
        check_problem(stall.shop.http.patch(stall.path, json={"settings": wrong}), "invalid_settings")


def test_query_answers_as_the_document_says(stall: Stall) -> None:
    for operation_id in ("recognize", "search"):
        explained = {"explain": "true", "rerank": ["alpha_qe", "k_reciprocal"], "shortlist": "2"}
        for data in ({}, {"top_k": "1", "detect": "false", "max_regions": "1"}, explained):
            files = {"image": draw_photo(1)}
            response = stall.shop.http.post(f"{stall.path}/{operation_id}", files=files, data=data)
            assert response.status_code == 200
            check_answer(operation_id, response)
    unknown = {"score_threshold": "1"}
    response = stall.shop.http.post(f"{stall.path}/recognize", files={"image": draw_photo(9)}, data=unknown)
    assert response.json()["answer"]["outcome"] == "unknown"
    check_answer("recognize", response)


def test_write_answers_as_the_document_says(acme: Shop) -> None:
    created = acme.http.post("/v1/galleries", json={"name": "shelf", "settings": {"max_regions": 2}})
    check_answer("create_gallery", created)
    assert created.headers["Location"] == f"/v1/jobs/{created.json()['job']}"
    assert acme.http.get(created.headers["Location"]).status_code == 200
    gallery = make_gallery(acme)
    path = f"/v1/galleries/{gallery}"
    check_answer("update_gallery", acme.http.patch(path, json={"settings": {"detect": False}}))
    product = acme.http.post(f"{path}/products", json={"sku": "A1", "attributes": {"size": [1, None, "L"]}})
    check_answer("create_product", product)
    assert acme.http.get(product.headers["Location"]).json() == product.json()
    variant = {"title": "T", "style_of": add_product(acme, gallery, "A0")}
    check_answer("update_product", acme.http.patch(product.headers["Location"], json=variant))
    files = [("images", ("a.png", draw_photo(1))), ("images", ("b.png", b"no picture"))]
    uploaded = acme.http.post(f"{product.headers['Location']}/images", files=files)
    check_answer("upload_images", uploaded)
    image = uploaded.json()["results"][0]["image"]["id"]
    check_answer("delete_image", acme.http.delete(f"{path}/images/{image}"))
    check_answer("delete_product", acme.http.delete(product.headers["Location"]))
    check_answer("delete_gallery", acme.http.delete(path))


def test_docs_load_from_this_server_alone(service: Service) -> None:
    page = httpx.get(f"{service.url}/docs", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<script>" not in page.text, "the policy allows no script within a page"
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
    script = addresses.pop()
    assert script.startswith("/docs?script=")
    assert "/openapi.json" in httpx.get(service.url + script).text
    assert len([address for address in addresses if address.endswith((".js", ".css"))]) >= 3
    for address in addresses:
        assert address.startswith("/static/"), address
        assert httpx.get(service.url + address).status_code == 200, address
    assert not re.findall(r"""["'](?:https?:)?//[^"']+["']""", page.text)


def test_root_leads_people_to_sign_in(service: Service) -> None:
    assert httpx.get(service.url).headers["Location"] == "/account/login/?next=/"
