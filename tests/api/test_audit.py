"""The audit log, read and taken along."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from tenants.domain.audit import Actor, acting_as
from tenants.domain.keys import issue_key
from tenants.domain.products import create_product, delete_product, update_product
from tenants.models import AuditEvent, Gallery
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope
from tests.api.conftest import Stall
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.tenants.rows import make_gallery, make_tenant

PATH = "/v1/audit-events"
MANAGER = Actor(AuditEvent.Actor.USER, id="7", name="alice@acme.example", address="2001:db8::1")


@pytest.fixture
def gallery(db: None) -> Gallery:
    return make_gallery(make_tenant("acme"))


@pytest.fixture
def http(gallery: Gallery) -> Client:
    """A client with Acme's key."""
    key = issue_key(tenant=gallery.tenant, name="till", scopes=[Scope.ADMIN]).plaintext
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def changes(gallery: Gallery, http: Client) -> Iterator[list[str]]:
    """Ids of three changes of a product, by three hands, the first one first; and Globex has changed, too."""
    globex = make_gallery(make_tenant("globex"))
    with tenant_scope(globex.tenant_id):
        create_product(gallery=globex, sku="A1")
    with tenant_scope(gallery.tenant_id):
        before = AuditEvent.objects.count()
        answer = http.post(
            f"/v1/galleries/{gallery.pk}/products", {"sku": "A1"}, content_type="application/json"
        )
        assert answer.status_code == 201
        product = gallery.products.get()
        with acting_as(MANAGER):
            update_product(product=product, title='=HYPERLINK("http://evil.example")')
        delete_product(product=product)
        yield [str(event.pk) for event in AuditEvent.objects.order_by("pk")[before:]]


def read(http: Client, **asked: Any) -> list[dict[str, Any]]:
    """The events of the first page."""
    response = http.get(PATH, asked)
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def read_csv(http: Client, **asked: Any) -> list[dict[str, str]]:
    """The rows of the export."""
    response = http.get(f"{PATH}.csv", asked)
    assert isinstance(response, StreamingHttpResponse)
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"), newline="")))


def test_change_is_shown_with_who_and_from_where_and_what(
    gallery: Gallery, http: Client, changes: list[str]
) -> None:
    deleted, updated, created = read(http)[:3]
    assert [deleted["id"], updated["id"], created["id"]] == changes[::-1]
    assert created["actor"]["kind"] == "key"
    assert created["actor"]["name"] == "till"
    assert created["address"] == "127.0.0.1"
    assert created["request_id"]
    assert created["action"] == "product.created"
    assert created["before"] is None
    assert created["after"]["sku"] == "A1"
    assert updated["actor"] == {"kind": "user", "id": "7", "name": "alice@acme.example"}
    assert updated["address"] == "2001:db8::1"
    assert (updated["before"], updated["after"]["title"][:5]) == ({"title": ""}, "=HYPE")
    assert deleted["actor"] == {"kind": "system", "id": "", "name": ""}
    assert (deleted["address"], deleted["request_id"], deleted["after"]) == (None, "", None)
    assert created["object"] == updated["object"] == deleted["object"]


def test_changes_are_filtered(http: Client, changes: list[str]) -> None:
    deleted, updated, created = read(http)[:3]
    key = created["actor"]["id"]
    for asked, found in (
        ({"action": "product.updated"}, [updated]),
        ({"actor": key}, [created]),
        ({"actor": "user"}, [updated]),
        ({"actor": "7"}, [updated]),
        ({"object": created["object"]}, [deleted, updated, created]),
        ({"object": created["object"], "actor": "system"}, [deleted]),
        ({"since": updated["at"], "object": created["object"]}, [deleted, updated]),
        ({"until": updated["at"], "object": created["object"]}, [created]),
        ({"action": "product.nothing"}, []),
    ):
        assert read(http, **asked) == found, asked
        assert [row["id"] for row in read_csv(http, **asked)] == [event["id"] for event in found[::-1]]


@pytest.mark.parametrize(
    "asked", [{"since": "yesterday"}, {"action": "x" * 61}, {"actor": "a\x00b"}], ids=str
)
def test_filter_that_is_none_is_refused(http: Client, asked: dict[str, str]) -> None:
    for path in (PATH, f"{PATH}.csv"):
        response = http.get(path, asked)
        assert response.status_code == 400
        assert response.json()["code"] == "invalid_request"


def test_pages_hold_every_change_once(http: Client, changes: list[str]) -> None:
    seen: list[str] = []
    url: str | None = f"{PATH}?limit=2"
    while url:
        page = http.get(url).json()
        seen += [event["id"] for event in page["results"]]
        url = page["next"]
    assert seen[:3] == changes[::-1]
    assert len(seen) == len(set(seen)) == len(read(http))


def test_export_opens_in_a_spreadsheet_without_harm(http: Client, changes: list[str]) -> None:
    with acting_as(Actor(AuditEvent.Actor.USER, id="8", name="=1+1")):
        create_product(gallery=Gallery.objects.get(), sku="A2")
    rows = read_csv(http)
    assert [row["id"] for row in rows[-4:-1]] == changes
    assert rows[-1]["actor_name"] == "'=1+1"
    assert rows[-3]["before"] == '{"title": ""}'
    assert rows[-2]["after"] == ""
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+-@\t\r")]


def test_export_reads_each_tenants_own_log_while_it_is_sent(http: Client, changes: list[str]) -> None:
    """The answer is read after the view has returned, in whatever scope."""
    response = http.get(f"{PATH}.csv")
    with tenant_scope(make_tenant("globex").pk):
        text = b"".join(response).decode()
    assert all(change in text for change in changes)
    assert text.count("product.created") == 1


def test_since_and_until_part_the_log_without_overlap(http: Client, changes: list[str]) -> None:
    newest = read(http)[0]["at"]
    assert {event["id"] for event in read(http, until=newest)}.isdisjoint(
        {event["id"] for event in read(http, since=newest)}
    )
    later = AuditEvent.objects.latest("pk").at + timedelta(days=1)
    assert read(http, since=later.isoformat()) == []


def test_asking_leaves_no_event_and_a_workers_job_is_its_callers(stall: Stall) -> None:
    http = stall.shop.http
    log = {"object": stall.job}
    ended, started = http.get(PATH, params=log).json()["results"]
    assert (started["action"], ended["action"]) == ("job.started", "job.ended")
    assert started["actor"] == ended["actor"]
    assert started["actor"]["kind"] == "key"
    assert started["address"] == ended["address"] == "127.0.0.1"
    newest = http.get(PATH, params={"limit": 1}).json()["results"]
    for call in ("recognize", "search"):
        assert http.post(f"{stall.path}/{call}", files={"image": draw_photo(1)}).status_code == 200
    assert http.get(f"{stall.path}/products").status_code == 200
    check_problem(http.get(PATH, params={"since": "never"}), "invalid_request")
    assert http.get(PATH, params={"limit": 1}).json()["results"] == newest
