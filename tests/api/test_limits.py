"""What callers are told of their limits. The API is served in this process; the servers are real."""

import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from api import limits
from jobs.admission import QUEUE
from jobs.presence import key_of
from jobs.valkey import connect_valkey
from tenants.domain.allowances import set_quota
from tenants.domain.keys import issue_key
from tenants.domain.quotas import read_holdings
from tenants.models import Gallery
from tenants.models.api_key import Scope
from tests.api.operations import OPERATIONS, describe_api
from tests.api.photos import draw_photo
from tests.tenants.rows import make_gallery, make_product, make_tenant

POLICY = re.compile(r'"key";q=(\d+);w=(\d+), "tenant";q=(\d+);w=(\d+)')
LEFT = re.compile(r'"key";r=(\d+);t=(\d+), "tenant";r=(\d+);t=(\d+)')


@dataclass(frozen=True)
class Till:
    """A shop's gallery, and one of its keys."""

    gallery: Gallery
    key: str

    def get(self, path: str) -> Any:
        return Client().get(path, headers={"Authorization": f"Bearer {self.key}"})

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """Send JSON."""
        said = {"Authorization": f"Bearer {self.key}", **headers}
        return Client().post(path, json.dumps(body), content_type="application/json", headers=said)

    def upload(self, path: str, *seeds: int) -> Any:
        """Send drawn photos."""
        photos = [SimpleUploadedFile(f"{seed}.png", draw_photo(seed)) for seed in seeds]
        return Client().post(path, {"images": photos}, headers={"Authorization": f"Bearer {self.key}"})


def open_till(gallery: Gallery) -> Till:
    return Till(gallery, issue_key(tenant=gallery.tenant, name="test", scopes=list(Scope)).plaintext)


@pytest.fixture
def till(db: None, service_environment: dict[str, str], settings: Settings) -> Till:
    """Acme's; a token comes back every two minutes."""
    settings.QUOTA_CALLS_A_MINUTE, settings.RATE_LIMIT_KEY_PERCENT, settings.RATE_LIMIT_BURST_S = 6, 50, 60
    connect_valkey.cache_clear()
    return open_till(make_gallery(make_tenant("acme")))


def read_numbers(pattern: re.Pattern[str], value: str) -> list[int]:
    found = pattern.fullmatch(value)
    assert found, value
    return [int(number) for number in found.groups()]


def check_limited(response: Any, code: str, status: int) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(response.content)
    assert (response.status_code, problem["code"]) == (status, code), problem
    return problem


def test_every_answer_tells_what_is_left(till: Till) -> None:
    for left, path in ((2, "/v1/galleries"), (1, f"/v1/galleries/{uuid.uuid4()}")):
        answer = till.get(path)
        assert read_numbers(POLICY, answer["RateLimit-Policy"]) == [3, 60, 6, 60]
        of_key, back_s, of_tenant, _ = read_numbers(LEFT, answer["RateLimit"])
        assert (of_key, of_tenant) == (left, left + 3)
        assert 0 < back_s <= 20 * (3 - left)


def test_key_that_has_used_its_calls_is_refused_and_leaves_the_others_theirs(till: Till) -> None:
    for _ in range(3):
        assert till.get("/v1/galleries").status_code == 200
    refused = till.get("/v1/galleries")
    problem = check_limited(refused, "rate_limited", 429)
    assert "This key may make 3 calls in 60 s" in problem["detail"]
    assert 0 < int(refused["Retry-After"]) <= 20
    assert read_numbers(LEFT, refused["RateLimit"])[::2] == [0, 3]

    second, third = open_till(till.gallery), open_till(till.gallery)
    assert [second.get("/v1/galleries").status_code for _ in range(3)] == [200] * 3
    problem = check_limited(third.get("/v1/galleries"), "rate_limited", 429)
    assert "The shop may make 6 calls" in problem["detail"]


def test_shops_do_not_share_their_calls(till: Till) -> None:
    for _ in range(4):
        till.get("/v1/galleries")
    globex = open_till(make_gallery(make_tenant("globex")))
    assert globex.get("/v1/galleries").status_code == 200


def test_quota_of_a_shop_takes_the_place_of_the_default(till: Till) -> None:
    set_quota(tenant=till.gallery.tenant, bounds={"calls_a_minute": 600})
    assert read_numbers(POLICY, till.get("/v1/galleries")["RateLimit-Policy"]) == [300, 60, 600, 60]
    set_quota(tenant=till.gallery.tenant, bounds={"calls_a_minute": None})
    assert not till.get("/v1/galleries").has_header("RateLimit")


def test_calls_go_on_uncounted_while_valkey_is_away(
    till: Till, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "_pause", limits.Pause())
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    connect_valkey.cache_clear()
    try:
        answers = [till.get("/v1/galleries") for _ in range(5)]
    finally:
        connect_valkey.cache_clear()
    assert [answer.status_code for answer in answers] == [200] * 5
    assert not any(answer.has_header("RateLimit") for answer in answers)
    assert len([line for line in caplog.messages if "not limited" in line]) == 1


def test_counting_a_call_asks_postgresql_nothing(till: Till) -> None:
    till.get("/v1/usage")
    with CaptureQueriesContext(connection) as queries:
        till.get("/v1/galleries")
    assert not [query for query in queries if "tenants_quota" in query["sql"] or "usage" in query["sql"]]


@pytest.mark.parametrize("path", ["recognize", "search"])
def test_photo_is_not_read_when_no_worker_would_take_it(till: Till, path: str) -> None:
    """The body is no photo at all: who reads it answers that."""
    address = f"/v1/galleries/{till.gallery.pk}/{path}"
    check_limited(till.post(address, {"image": ""}), "image_empty", 422)
    there = json.dumps({"until": time.time() + 60, "facts": {"threads": 1}})
    connect_valkey().hset(key_of(QUEUE), "played", there)
    try:
        set_quota(tenant=till.gallery.tenant, bounds={"recognitions_at_once": 0})
        answer = till.post(address, {"image": ""})
    finally:
        connect_valkey().hdel(key_of(QUEUE), "played")
    check_limited(answer, "too_many_at_once", 429)
    assert answer["Retry-After"] == "1"


def test_usage_tells_what_is_used_of_what(till: Till) -> None:
    set_quota(tenant=till.gallery.tenant, bounds={"products": 5, "recognitions_a_month": 100})
    make_product(till.gallery)
    usage = till.get("/v1/usage").json()
    assert usage["galleries"] == {"used": 1, "limit": None}
    assert usage["products"] == {"used": 1, "limit": 5}
    assert usage["images"] == usage["bytes"] == {"used": 0, "limit": None}
    recognitions = usage["recognitions"]
    assert (recognitions["used"], recognitions["limit"]) == (0, 100)
    assert recognitions["resets_at"].endswith("-01T00:00:00Z")
    assert usage["rates"] == {"calls_a_minute": 6, "recognitions_at_once": None}


def test_creating_beyond_the_quota_is_refused_with_what_and_whom_to_ask(till: Till) -> None:
    set_quota(tenant=till.gallery.tenant, bounds={"galleries": 1, "calls_a_minute": None})
    refused = till.post("/v1/galleries", {"name": "second"})
    problem = check_limited(refused, "quota_exceeded", 403)
    assert "1 galleries" in problem["detail"]
    assert "operator" in problem["detail"]
    # Not kept for the next try with the same key: by then there may be room.
    key = {"Idempotency-Key": "one"}
    assert till.post("/v1/galleries", {"name": "second"}, **key).status_code == 403
    set_quota(tenant=till.gallery.tenant, bounds={"galleries": 2})
    assert till.post("/v1/galleries", {"name": "second"}, **key).status_code == 202
    assert read_holdings(till.gallery.tenant_id).galleries == 2


def test_photos_for_which_there_is_no_room_are_refused_one_by_one(
    till: Till, settings: Settings, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    set_quota(tenant=till.gallery.tenant, bounds={"images": 1, "calls_a_minute": None})
    path = f"/v1/galleries/{till.gallery.pk}/products/{make_product(till.gallery).pk}/images"
    answer = till.upload(path, 1, 2)
    assert answer.status_code == 202
    first, second = answer.json()["results"]
    assert (first["created"], first["error"]) == (True, None)
    assert (second["image"], second["error"]["code"]) == (None, "quota_exceeded")
    check_limited(till.upload(path, 3), "quota_exceeded", 403)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_document_describes_429_with_its_headers_everywhere() -> None:
    document = describe_api()
    for operation in OPERATIONS:
        described = document["paths"][operation.path][operation.method]["responses"]["429"]
        assert set(described["headers"]) == {"Retry-After", "RateLimit", "RateLimit-Policy"}
        for header, pattern in (("RateLimit-Policy", POLICY), ("RateLimit", LEFT)):
            assert pattern.fullmatch(described["headers"][header]["example"])
