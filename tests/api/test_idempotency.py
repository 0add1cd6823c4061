"""`Idempotency-Key`: a creating call sent again answers what it answered the first time, and does nothing."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker, Settings
from rest_framework.request import Request

from api.errors import PROBLEMS
from api.idempotency import HEADER, REPLAYED, make_fingerprint
from api.parsers import JsonParser
from jobs.errors import Unavailable
from tenants.domain.idempotency import (
    KEPT,
    CallInProgress,
    KeptAnswer,
    RunningCall,
    begin_call,
    forget_old_calls,
    keep_answer,
)
from tenants.domain.keys import issue_key
from tenants.models import Gallery, IdempotentCall, Product, ReferenceImage, WebhookEndpoint
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope
from tests.api.operations import OPERATIONS, describe_api
from tests.api.photos import draw_photo
from tests.retrieval.erasing import erased_at_the_end
from tests.tenants.rows import make_gallery, make_product, make_tenant

# They make nothing: what they answer may change, and a photo is not to be kept.
QUESTIONS = {"recognize", "search"}
LEASE = timedelta(minutes=1)


@dataclass(frozen=True)
class Desk:
    """A shop with a gallery and a key for everything, served in this process."""

    gallery: Gallery
    key: str

    @property
    def path(self) -> str:
        """The gallery's address."""
        return f"/v1/galleries/{self.gallery.pk}"

    def post(self, path: str, body: object = None, *, key: str | None = None, **form: Any) -> Any:
        """Send JSON, or a form."""
        headers = {"Authorization": f"Bearer {self.key}"} | ({} if key is None else {HEADER: key})
        client = Client(raise_request_exception=False)
        if form:
            return client.post(path, form, headers=headers)
        content = "" if body is None else json.dumps(body)
        return client.post(path, content, content_type="application/json", headers=headers)


def open_desk(name: str) -> Desk:
    gallery = make_gallery(make_tenant(name), uuid.uuid4().hex)
    key = issue_key(tenant=gallery.tenant, name="test", scopes=list(Scope)).plaintext
    return Desk(gallery, key)


@pytest.fixture
def desk(db: None) -> Desk:
    """Acme's."""
    return open_desk("acme")


def code_of(response: HttpResponse) -> str:
    code: str = json.loads(response.content)["code"]
    assert response.status_code == PROBLEMS[code][0]
    return code


def count(desk: Desk, model: Any = Product) -> int:
    with tenant_scope(desk.gallery.tenant_id):
        return int(model.objects.count())


def test_each_creating_post_of_the_document_takes_a_key() -> None:
    document = describe_api()["paths"]
    posts = [operation for operation in OPERATIONS if operation.method == "post"]
    assert {operation.id for operation in posts} >= QUESTIONS
    for operation in OPERATIONS:
        described = document[operation.path][operation.method]
        headers = [each for each in described.get("parameters", []) if each["name"] == HEADER]
        if operation.method != "post" or operation.id in QUESTIONS:
            assert not headers, operation
            continue
        assert [(each["in"], each.get("required", False)) for each in headers] == [("header", False)]
        answers = [said for status, said in described["responses"].items() if status.startswith("2")]
        assert answers
        assert all(REPLAYED in said["headers"] for said in answers)


def test_call_sent_again_answers_the_same_and_makes_nothing(desk: Desk) -> None:
    first, second = (desk.post(f"{desk.path}/products", {"sku": "one"}, key="k1") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second["Location"] == first["Location"]
    assert second["Content-Type"] == first["Content-Type"]
    assert (first.get(REPLAYED), second[REPLAYED]) == (None, "true")
    assert count(desk) == 1


def test_calls_without_a_key_are_each_their_own(desk: Desk) -> None:
    assert desk.post(f"{desk.path}/products", {"sku": "one"}).status_code == 201
    assert code_of(desk.post(f"{desk.path}/products", {"sku": "one"})) == "sku_taken"
    assert count(desk, IdempotentCall) == 0


@pytest.mark.parametrize("change", ["body", "path", "query"])
def test_another_request_under_the_same_key_is_refused(desk: Desk, change: str) -> None:
    path = f"{desk.path}/products"
    assert desk.post(path, {"sku": "one"}, key="k1").status_code == 201
    with tenant_scope(desk.gallery.tenant_id):
        other = make_gallery(desk.gallery.tenant, "other")
    request = {
        "body": (path, {"sku": "two"}),
        "path": (f"/v1/galleries/{other.pk}/products", {"sku": "one"}),
        "query": (f"{path}?a=1", {"sku": "one"}),
    }[change]
    assert code_of(desk.post(*request, key="k1")) == "idempotency_key_reused"
    assert count(desk) == 1


def test_same_body_written_otherwise_is_the_same_request(desk: Desk) -> None:
    path = f"{desk.path}/products"
    first = desk.post(path, {"sku": "one", "title": "T"}, key="k1")
    assert desk.post(path, {"title": "T", "sku": "one"}, key="k1").content == first.content


def test_form_with_another_boundary_is_the_same_request(desk: Desk) -> None:
    product = make_product(desk.gallery)
    headers = {"Authorization": f"Bearer {desk.key}", HEADER: "k1"}

    def send(boundary: str, photo: bytes, filename: str = "a.png") -> Any:
        part = (
            f'Content-Disposition: form-data; name="images"; filename="{filename}"\r\nContent-Type: image/png'
        )
        body = f"--{boundary}\r\n{part}\r\n\r\n".encode() + photo + f"\r\n--{boundary}--\r\n".encode()
        form = f"multipart/form-data; boundary={boundary}"
        return Client().post(f"{desk.path}/products/{product.pk}/images", body, form, headers=headers)

    first, second = send("here", draw_photo(1)), send("there", draw_photo(1))
    assert first.status_code == second.status_code == 202
    assert first.json()["results"][0]["created"]
    assert (second.content, second[REPLAYED]) == (first.content, "true")
    assert code_of(send("here", draw_photo(2))) == "idempotency_key_reused"
    assert code_of(send("here", draw_photo(1), "b.png")) == "idempotency_key_reused"
    assert count(desk, ReferenceImage) == 1


def test_key_is_each_shops_own(desk: Desk) -> None:
    globex = open_desk("globex")
    for shop in (desk, globex):
        assert shop.post("/v1/uploads", {"filename": "a.zip", "size": 5}, key="k1").status_code == 201
    answers = [
        shop.post("/v1/uploads", {"filename": "a.zip", "size": 5}, key="k1").json() for shop in (desk, globex)
    ]
    assert answers[0]["id"] != answers[1]["id"]


def test_refusal_for_good_is_answered_again_whatever_changes(desk: Desk) -> None:
    path = f"{desk.path}/products"
    product = make_product(desk.gallery)
    assert code_of(desk.post(path, {"sku": "one"}, key="k1")) == "sku_taken"
    with tenant_scope(desk.gallery.tenant_id):
        product.delete()
    again = desk.post(path, {"sku": "one"}, key="k1")
    assert (code_of(again), again[REPLAYED]) == ("sku_taken", "true")
    assert again["Content-Type"] == "application/problem+json"
    assert desk.post(path, {"sku": "one"}, key="k2").status_code == 201


def test_request_that_was_not_understood_leaves_the_key_free(desk: Desk) -> None:
    path = f"{desk.path}/products"
    assert code_of(desk.post(path, {"sku": ""}, key="k1")) == "invalid_request"
    assert count(desk, IdempotentCall) == 0
    assert desk.post(path, {"sku": "one"}, key="k1").status_code == 201


@pytest.mark.parametrize(
    "error", [Unavailable("Away.", code="index_away", retry_after=3), RuntimeError("bug")]
)
def test_error_of_ours_undoes_the_call_and_leaves_the_key_free(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The change is made, then something breaks: neither is kept, and the next try does it."""
    path = f"{desk.path}/products"

    def fail(*_given: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr("api.views.products.get_product", fail)
        assert desk.post(path, {"sku": "one"}, key="k1").status_code >= 500
    assert (count(desk), count(desk, IdempotentCall)) == (0, 0)
    assert desk.post(path, {"sku": "one"}, key="k1").status_code == 201


def test_call_cut_short_is_in_progress_until_its_lease_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What no code of ours catches, as a process that is killed."""

    def die(*_given: object) -> None:
        raise Killed

    path = f"{desk.path}/products"
    with monkeypatch.context() as broken:
        broken.setattr("api.views.products.get_product", die)
        broken.setattr("api.idempotency.give_up_call", lambda _call: None)
        with pytest.raises(Killed):
            desk.post(path, {"sku": "one"}, key="k1")
    assert count(desk) == 0
    monkeypatch.setattr("api.idempotency._PATIENCE_S", 0)
    waiting = desk.post(path, {"sku": "one"}, key="k1")
    assert (code_of(waiting), waiting["Retry-After"]) == ("idempotency_in_progress", "1")
    with tenant_scope(desk.gallery.tenant_id):
        IdempotentCall.objects.update(leased_until=timezone.now())
    done = desk.post(path, {"sku": "one"}, key="k1")
    assert (done.status_code, done.get(REPLAYED)) == (201, None)


def test_call_that_lost_its_lease_is_undone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def take_over(*_given: object) -> None:
        IdempotentCall.objects.update(leased_until=timezone.now() + LEASE)
        raise LookupError

    path = f"{desk.path}/products"
    monkeypatch.setattr("api.idempotency._answer", lambda _view, work: _then(work(), take_over))
    assert code_of(desk.post(path, {"sku": "one"}, key="k1")) == "idempotency_in_progress"
    assert count(desk) == 0


def _then(answer: Any, happen: Any) -> Any:
    with pytest.raises(LookupError):
        happen()
    return answer


def test_answer_older_than_a_day_is_forgotten(desk: Desk) -> None:
    path = "/v1/uploads"
    body = {"filename": "a.zip", "size": 5}
    first = desk.post(path, body, key="k1").json()["id"]
    with tenant_scope(desk.gallery.tenant_id):
        IdempotentCall.objects.update(created_at=timezone.now() - KEPT - timedelta(seconds=1))
    second = desk.post(path, body, key="k1")
    assert (second.json()["id"] != first, second.get(REPLAYED)) == (True, None)
    assert desk.post(path, body, key="k1").content == second.content


def test_sweep_removes_old_answers_of_every_shop_and_no_others(desk: Desk) -> None:
    globex = open_desk("globex")
    for shop in (desk, globex):
        for key in ("old", "new"):
            shop.post("/v1/uploads", {"filename": "a.zip", "size": 5}, key=key)
        with tenant_scope(shop.gallery.tenant_id):
            old = IdempotentCall.objects.order_by("pk").first()
            assert old is not None
            IdempotentCall.objects.filter(pk=old.pk).update(created_at=timezone.now() - KEPT - LEASE)
    forget_old_calls()
    for shop in (desk, globex):
        assert count(shop, IdempotentCall) == 1
        assert shop.post("/v1/uploads", {"filename": "a.zip", "size": 5}, key="new").has_header(REPLAYED)


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "a,b", "é", '"', '""', '"a', '"a\\b"', "x" * 256, "a\tb", '"a";b']
)
def test_malformed_key_is_refused(desk: Desk, key: str) -> None:
    response = desk.post(f"{desk.path}/products", {"sku": "one"}, key=key)
    assert code_of(response) == "idempotency_key_malformed"
    assert count(desk) == 0


def test_quoted_key_and_bare_key_are_the_same(desk: Desk) -> None:
    path = f"{desk.path}/products"
    first = desk.post(path, {"sku": "one"}, key="3f1e-7")
    assert desk.post(path, {"sku": "one"}, key='"3f1e-7"').content == first.content
    assert desk.post(path, {"sku": "two"}, key='"my \\"key\\", 2"').status_code == 201


def test_question_takes_no_key(desk: Desk) -> None:
    for name in QUESTIONS:
        answer = desk.post(f"{desk.path}/{name}", {"image": ""}, key="a b")
        assert not code_of(answer).startswith("idempotency")


def test_secret_is_shown_again_but_never_lies_in_the_table(desk: Desk, settings: Settings) -> None:
    settings.WEBHOOK_HTTP = settings.WEBHOOK_PRIVATE_ADDRESSES = True
    body = {"url": "http://127.0.0.1:9/", "events": ["job.finished"]}
    first, second = (desk.post("/v1/webhooks", body, key="secret-key-1") for _ in range(2))
    assert first.json()["secret"].startswith("whsec_")
    assert second.json() == first.json()
    assert count(desk, WebhookEndpoint) == 1
    with connection.cursor() as cursor, tenant_scope(desk.gallery.tenant_id):
        row = IdempotentCall.objects.get()
        stored = bytes(row.body) + json.dumps([row.headers, row.key, row.fingerprint]).encode()
        assert cursor is not None
    assert first.json()["secret"].encode() not in stored
    assert b"whsec_" not in stored
    assert b"secret-key-1" not in stored


def test_answer_under_a_secret_key_that_is_gone_is_lost_and_not_made_anew(
    desk: Desk, settings: Settings
) -> None:
    path = f"{desk.path}/products"
    desk.post(path, {"sku": "one"}, key="k1")
    settings.SECRET_KEY, before = "another", settings.SECRET_KEY
    assert code_of(desk.post(path, {"sku": "one"}, key="k1")) == "idempotency_answer_lost"
    settings.SECRET_KEY_FALLBACKS = [before]
    assert desk.post(path, {"sku": "one"}, key="k1").status_code == 201
    assert count(desk) == 1


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(_VALUES, _VALUES)
def test_fingerprint_tells_any_two_bodies_apart(one: Any, other: Any) -> None:
    def fingerprint(data: Any) -> str:
        request = RequestFactory().post("/", json.dumps(data), content_type="application/json")
        return make_fingerprint(Request(request, parsers=[JsonParser()]))

    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint(one) == fingerprint(other)) == same


@pytest.fixture
def committed_desk(service_environment: dict[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[Desk]:
    """Acme's, seen by all connections."""
    with django_db_blocker.unblock():
        desk = open_desk("acme")
        with erased_at_the_end(desk.gallery.tenant):
            yield desk


def test_of_eight_calls_at_once_one_runs_and_all_answer_alike(committed_desk: Desk) -> None:
    def send(_number: int) -> tuple[int, bytes, bool]:
        try:
            answer = committed_desk.post(f"{committed_desk.path}/products", {"sku": "one"}, key="at-once")
            return answer.status_code, answer.content, answer.has_header(REPLAYED)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert {status for status, _, _ in answers} == {201}
    assert len({content for _, content, _ in answers}) == 1
    assert sorted(replayed for _, _, replayed in answers) == [False] + [True] * 7
    assert count(committed_desk) == 1


def test_two_that_take_over_one_lease_do_not_both_keep_their_answer(desk: Desk) -> None:
    with tenant_scope(desk.gallery.tenant_id):
        first = begin_call(key="k", fingerprint="f", lease=-LEASE, patience_s=0)
        second = begin_call(key="k", fingerprint="f", lease=LEASE, patience_s=0)
        assert isinstance(first, RunningCall)
        assert isinstance(second, RunningCall)
        assert not keep_answer(first, KeptAnswer(201, {}, b"first"))
        with pytest.raises(CallInProgress):
            begin_call(key="k", fingerprint="f", lease=LEASE, patience_s=0)
        assert keep_answer(second, KeptAnswer(201, {}, b"second"))
        assert begin_call(key="k", fingerprint="f", lease=LEASE, patience_s=0) == KeptAnswer(
            201, {}, b"second"
        )


def test_import_of_a_form_is_made_once(desk: Desk) -> None:
    def send() -> Any:
        file = SimpleUploadedFile("shop.csv", b"sku,image\n", "text/csv")
        return desk.post(f"{desk.path}/imports", key="k1", file=file)

    first, second = send(), send()
    assert first.status_code == second.status_code == 202
    assert (first.json()["id"], first["Location"]) == (second.json()["id"], second["Location"])
