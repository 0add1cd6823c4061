"""Whatever the OpenAPI document names: with Globex's key, nothing of Acme's, not even a difference."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from jobs.presence import announce_worker, list_workers
from tests.api.operations import OPERATIONS, Operation, call, describe_api
from tests.api.problems import check_problem
from tests.conftest import ROOT, wait_until
from tests.retrieval.estate import count_rows
from tests.security.estates import OBJECTS, Estate, invent_ids, read_rows

DOCUMENT = describe_api()
ADDRESSED = [operation for operation in OPERATIONS if operation.names]
# What a process knows for some seconds it may have to look up in between: only what differs always tells
# anything.
TRIES = 3
# What a body needs besides, to be looked at at all.
NEEDED = {"create_product": {"sku": "another"}}
# Routes with a part to be guessed that are no operations: which test shows that guessing is in vain.
ELSEWHERE = {
    "media/<str:token>": "tests/api/test_media.py",
    "shops/<uuid:tenant>/choose": "tests/frontend/test_access.py",
    "invitations/<str:token>": "tests/frontend/test_invitations.py",
    "account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "tests/frontend/test_account.py",
    "account/^confirm-email/(?P<key>[-:\\w]+)/$": "tests/frontend/test_account.py",
}


@dataclass(frozen=True)
class Mention:
    """An id that goes along with a call: `name` in the query, or in the JSON body."""

    operation: Operation
    place: str
    name: str

    def __str__(self) -> str:
        return f"{self.operation}-{self.name}"


def list_mentions() -> Iterator[Mention]:
    """Every place for an id in the document besides the addresses."""
    for operation in OPERATIONS:
        described = DOCUMENT["paths"][operation.path][operation.method]
        for parameter in described.get("parameters", []):
            if parameter["in"] == "query" and parameter["schema"].get("format") == "uuid":
                yield Mention(operation, "params", parameter["name"])
        bodies = described.get("requestBody", {}).get("content", {})
        for name in sorted({name for body in bodies.values() for name in list_id_fields(body["schema"])}):
            yield Mention(operation, "json", name)


def list_id_fields(schema: dict[str, Any], name: str = "") -> Iterator[str]:
    """The names of the fields that take an id, however deep they lie."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("format") == "uuid":
        yield name
    for inner_name, inner in schema.get("properties", {}).items():
        yield from list_id_fields(inner, inner_name)
    inners = [
        schema.get("items"),
        *schema.get("oneOf", []),
        *schema.get("anyOf", []),
        *schema.get("allOf", []),
    ]
    for inner in inners:
        if isinstance(inner, dict):
            yield from list_id_fields(inner, name)


MENTIONS = list(list_mentions())


@dataclass(frozen=True)
class Heard:
    """What a caller can learn of an answer, and what was asked of PostgreSQL for it; without the ids."""

    status: int
    headers: frozenset[str]
    text: str
    statements: tuple[str, ...]


@pytest.fixture(scope="module")
def recognising(rows: None) -> Iterator[None]:
    """A worker says that it is there: without one, calls that it would answer are refused unseen."""
    stop = threading.Event()
    said = {"queue": "recognize", "hostname": "played", "facts": {}, "stop": stop}
    thread = threading.Thread(target=announce_worker, kwargs=said)
    thread.start()
    wait_until(lambda: bool(list_workers("recognize")), "the worker is announced", 10)
    yield
    stop.set()
    thread.join()


def listen(ask: Any, ids: dict[str, str]) -> tuple[httpx.Response, Heard]:
    """What is heard, with the names of these ids in their place."""
    with CaptureQueriesContext(connection) as captured:
        answer: httpx.Response = ask()
    text = answer.text.replace(answer.headers["X-Request-ID"], "")
    for name, said in ids.items():
        text = text.replace(said, name)
    statements = tuple(re.sub(r"'[^']*'|\b\d+\b", "?", query["sql"]) for query in captured)
    return answer, Heard(answer.status_code, frozenset(answer.headers), text, statements)


def mix_ids(operation: Operation, own: dict[str, str], others: dict[str, str]) -> list[dict[str, str]]:
    """Addresses in which one id or all are another's."""
    mixed = [{**own, name: others[name]} for name in operation.names]
    return [*mixed, {**own, **{name: others[name] for name in operation.names}}]


def check_marks(text: str, estate: Estate) -> None:
    assert not [mark for mark in estate.marks | estate.secrets if mark in text]


def test_both_shops_have_something_of_everything(estates: tuple[Estate, Estate]) -> None:
    for estate in estates:
        assert [label for label, count in count_rows(estate.shop.tenant).items() if not count] == []


def test_every_id_that_the_document_asks_for_is_known_here() -> None:
    """A new operation that names an object of a new kind has it added to `OBJECTS`, and is tested by that."""
    named = {name for operation in OPERATIONS for name in operation.names}
    assert named | {mention.name for mention in MENTIONS} <= set(OBJECTS)
    assert len(ADDRESSED) > 40
    assert {"compare", "gallery", "product", "style_of", "upload"} <= {mention.name for mention in MENTIONS}


@pytest.mark.parametrize("operation", ADDRESSED, ids=str)
def test_anothers_object_answers_as_one_that_does_not_exist(
    operation: Operation, estates: tuple[Estate, Estate], recognising: None
) -> None:
    """The same words, after the same statements to PostgreSQL: nothing is left that would take longer."""
    acme, globex = estates
    nobodys = invent_ids()
    foreign = mix_ids(operation, globex.ids, acme.ids)
    unknown = mix_ids(operation, globex.ids, nobodys)
    for foreign_ids, unknown_ids in zip(foreign, unknown, strict=True):
        for _ in range(TRIES):
            answer, heard = listen(lambda ids=foreign_ids: call(operation, globex.shop, ids), foreign_ids)
            _, expected = listen(lambda ids=unknown_ids: call(operation, globex.shop, ids), unknown_ids)
            if heard == expected:
                break
        check_problem(answer)
        assert heard == expected
        assert heard.status == 404
        check_marks(heard.text, acme)


@pytest.mark.parametrize("mention", MENTIONS, ids=str)
def test_anothers_id_in_a_query_or_body_answers_as_one_that_does_not_exist(
    mention: Mention, estates: tuple[Estate, Estate]
) -> None:
    acme, globex = estates

    def send(said: str) -> tuple[httpx.Response, Heard]:
        given = {mention.name: said}
        if mention.place == "json":
            given |= NEEDED.get(mention.operation.id, {})
        path = mention.operation.path.format(**globex.ids)
        method = mention.operation.method.upper()
        body: dict[str, Any] = {mention.place: given}
        return listen(lambda: globex.shop.http.request(method, path, **body), {"said": said})

    for _ in range(TRIES):
        _, foreign = send(acme.ids[mention.name])
        _, unknown = send(invent_ids()[mention.name])
        if foreign == unknown:
            break
    _, own = send(globex.ids[mention.name])
    assert foreign == unknown
    assert foreign != own, "the id that was sent has made no difference, so this shows nothing"
    check_marks(foreign.text, acme)


def test_calls_with_anothers_ids_change_nothing_of_either(estates: tuple[Estate, Estate]) -> None:
    acme, globex = estates
    before = [read_rows(estate.shop.tenant) for estate in estates]
    for operation in ADDRESSED:
        if operation.method != "get":
            for ids in mix_ids(operation, globex.ids, acme.ids):
                call(operation, globex.shop, ids)
    assert [read_rows(estate.shop.tenant) for estate in estates] == before


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.method == "get"], ids=str)
def test_reading_ones_own_shows_nothing_of_anothers(
    operation: Operation, estates: tuple[Estate, Estate]
) -> None:
    for estate, other in (estates, estates[::-1]):
        ids = {**estate.ids}
        if operation.id == "read_job_archive":
            jobs = estate.shop.http.get("/v1/jobs", params={"kind": "export"}).json()
            ids["job"] = jobs["results"][0]["id"]
        answer = call(operation, estate.shop, ids)
        assert answer.status_code == 200
        text = answer.content.decode("latin-1")
        check_marks(text, other)
        assert not [secret for secret in estate.secrets if secret in text]
        if answer.headers["Content-Type"] == "application/json" and "results" in answer.json():
            assert answer.json()["results"], "an empty list shows nothing"


def list_routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from list_routes(pattern.url_patterns, path)
        else:
            yield path


def test_every_route_with_a_part_to_be_guessed_is_an_operation_or_has_its_own_test() -> None:
    routes = [path for path in list_routes(get_resolver().url_patterns) if re.search(r"<|\(", path)]
    known = {re.sub(r"\{(\w+)\}", r"<uuid:\1>", operation.path).lstrip("/") for operation in OPERATIONS}
    assert set(routes) - known == set(ELSEWHERE)
    assert not [test for test in ELSEWHERE.values() if not (ROOT / test).is_file()]
