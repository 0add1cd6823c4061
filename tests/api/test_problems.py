"""Errors as `application/problem+json`, and the one table of their codes."""

import ast
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    PermissionDenied,
    Throttled,
    ValidationError,
)

from api.errors import PROBLEMS, answer_crash, describe_error, make_problem
from jobs.errors import Unavailable
from tenants.errors import StorageAway
from tests.api.conftest import Stall
from tests.api.problems import check_problem
from tests.conftest import Service

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "tenants",
    "inference",
    "platform/api",
    "platform/jobs",
    "platform/outbound",
    "platform/retrieval",
    "platform/transfer",
    "platform/webhooks",
    "workers",
)
# Codes that no caller of the API meets: roots of error trees, what an operator is told at a command line, and
# what stands in rows (a failed photo, a row of an import, an ended job).
ELSEWHERE = {
    "error",
    "unavailable",
    "tenant_required",
    "invalid_tenant",
    "slug_taken",
    "inference_error",
    "model_error",
    "model_card_invalid",
    "model_unknown",
    "model_not_installed",
    "model_corrupt",
    "model_download_failed",
    "session_refused",
    "file_lost",
    "gave_up",
    "index_incomplete",
    "superseded",
    "address_not_allowed",
    "archive_damaged",
    "archive_empty",
    "archive_encrypted",
    "archive_nested",
    "archive_too_large",
    "archive_unsafe",
    "archive_unsupported",
    "box_outside",
    "cancelled",
    "manifest_ambiguous",
    "near_duplicate",
    "no_usable_rows",
    "outbound_refused",
    "photo_missing",
    "photo_without_folder",
    "row_invalid",
    "row_refused",
    "sku_exists",
    "source_refused",
    "too_many_redirects",
    "url_encoded",
    "url_invalid",
    "url_status",
    "url_timeout",
    "url_too_large",
    "url_unreachable",
    "urls_not_allowed",
}


def read_codes(source: str) -> Iterator[str]:
    """The codes in a module: `code = "…"` of a class, `code="…"` and `ImageRejected("…"` of a call."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield from _class_codes(node)
        elif isinstance(node, ast.Call):
            yield from _call_codes(node)


def _class_codes(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        if isinstance(line, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "code" for target in line.targets
        ):
            yield from _texts(line.value)


def _call_codes(node: ast.Call) -> Iterator[str]:
    for keyword in node.keywords:
        if keyword.arg == "code":
            yield from _texts(keyword.value)
    if isinstance(node.func, ast.Name) and node.func.id in {
        "ImageRejected",
        "make_problem",
        "answer_problem",
    }:
        yield from _texts(node.args[0])


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def find_codes() -> dict[str, str]:
    """Every code that is raised anywhere, with a file that raises it."""
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    found = {
        code: str(path.relative_to(ROOT))
        for path in files
        if "migrations" not in path.parts
        for code in read_codes(path.read_text())
    }
    return {code: path for code, path in found.items() if code}


def test_every_code_that_is_raised_has_its_problem() -> None:
    found = find_codes()
    assert {"sku_taken", "image_animated", "workers_away", "scope_missing", "model_missing"} <= set(found)
    strangers = {code: path for code, path in found.items() if code not in PROBLEMS and code not in ELSEWHERE}
    assert strangers == {}


def test_list_of_codes_elsewhere_holds_no_dead_and_no_listed_one() -> None:
    assert set(find_codes()) >= ELSEWHERE
    assert not ELSEWHERE & set(PROBLEMS)


def test_code_reader_sees_each_way_to_name_a_code() -> None:
    source = (
        'class A(E):\n    code = "one"\n'
        'raise B("x", code="two" if y else "three")\n'
        'raise ImageRejected("four", "words")\n'
    )
    assert set(read_codes(source)) == {"one", "two", "three", "four"}


@pytest.mark.parametrize("code", PROBLEMS)
def test_problem_has_all_fields_and_a_status_of_an_error(code: str) -> None:
    problem = make_problem(code, "detail")
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    assert 400 <= problem["status"] <= 503


@pytest.mark.parametrize(
    ("error", "code", "headers"),
    [
        (Unavailable("x", code="workers_away", retry_after=7), "workers_away", {"Retry-After": "7"}),
        (OperationalError("x"), "database_away", {"Retry-After": "5"}),
        (InterfaceError("x"), "database_away", {"Retry-After": "5"}),
        (SuspiciousOperation("x"), "invalid_request", {}),
        (Throttled(wait=3), "rate_limited", {"Retry-After": "3"}),
        (PermissionDenied(), "scope_missing", {}),
        (AuthenticationFailed(), "key_rejected", {"WWW-Authenticate": "Bearer"}),
        (StorageAway("x"), "storage_away", {"Retry-After": "5"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_expected_error_is_described(error: Exception, code: str, headers: dict[str, str]) -> None:
    described = describe_error(error)
    assert described is not None
    assert (described[0]["code"], described[1]) == (code, headers)


def test_unexpected_error_is_left_to_be_logged_and_answered_as_a_problem() -> None:
    assert describe_error(ZeroDivisionError("secret")) is None
    assert describe_error(APIException("secret")) is None
    answer = answer_crash(HttpRequest())
    assert answer.status_code == 500
    assert b"secret" not in answer.content


def test_validation_problem_names_the_first_field_and_lists_all() -> None:
    described = describe_error(ValidationError({"settings": {"max_regions": ["Too many."]}, "name": ["No."]}))
    assert described is not None
    assert described[0]["detail"] == "settings.max_regions: Too many."
    assert set(described[0]["errors"]) == {"settings", "name"}


def test_request_id_is_made_when_none_is_sent(stall: Stall) -> None:
    first, second = (stall.shop.http.get("/v1/galleries") for _ in range(2))
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert uuid.UUID(first.headers["X-Request-ID"]).version == 7


def test_request_id_of_the_caller_is_echoed_everywhere(service: Service, stall: Stall) -> None:
    headers = {"X-Request-ID": "till-7.2026_11"}
    for path in ("/v1/galleries", "/livez", "/openapi.json"):
        response = stall.shop.http.get(path, headers=headers)
        assert response.headers["X-Request-ID"] == "till-7.2026_11"
    for path in ("/v1/nothing", f"/v1/galleries/{uuid.uuid4()}", "/v1/galleries?cursor=x"):
        response = stall.shop.http.get(path, headers=headers)
        check_problem(response)
        assert response.json()["request_id"] == "till-7.2026_11"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\tb", "<script>", "ä", "a;b", "a/../b"])
def test_hostile_request_id_is_replaced(stall: Stall, given: str) -> None:
    headers = [(b"X-Request-ID", given.encode("latin-1"))]
    response: httpx.Response = stall.shop.http.get("/v1/nothing", headers=headers)
    assert check_problem(response) == "not_found"
    assert uuid.UUID(response.headers["X-Request-ID"]).version == 7
