"""Webhooks through the running service: made, called, looked after."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.catalog import make_gallery
from tests.api.problems import check_problem
from tests.api.test_openapi import check_answer
from tests.conftest import Shop, wait_until
from tests.webhooks.receiver import Receiver, open_receiver

DEAD_URL = "http://127.0.0.1:9/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A shop's server."""
    with open_receiver() as opened:
        yield opened


def make_webhook(shop: Shop, url: str, *events: str) -> dict[str, Any]:
    """The answer to its making, secret included."""
    body = {"url": url, "events": events or ["job.finished"]}
    created = shop.http.post("/v1/webhooks", json=body)
    assert created.status_code == 201, created.text
    check_answer("create_webhook", created)
    webhook: dict[str, Any] = created.json()
    assert created.headers["Location"] == path_of(webhook)
    return webhook


def path_of(webhook: dict[str, Any]) -> str:
    return f"/v1/webhooks/{webhook['id']}"


def list_deliveries(shop: Shop, webhook: dict[str, Any], **wanted: str) -> list[dict[str, Any]]:
    page = shop.http.get(f"{path_of(webhook)}/deliveries", params=wanted)
    check_answer("list_webhook_deliveries", page)
    rows: list[dict[str, Any]] = page.json()["results"]
    return rows


def test_end_of_a_job_reaches_the_shop_signed(acme: Shop, globex: Shop, receiver: Receiver) -> None:
    webhook = make_webhook(acme, receiver.url)
    foreign = make_webhook(globex, receiver.url)
    gallery = make_gallery(acme)

    wait_until(lambda: bool(receiver.received), "the event has come", 30)

    (came,) = receiver.received
    event = came.verify(webhook["secret"])
    assert event["type"] == "job.finished"
    assert (
        event["data"].items()
        >= {"kind": "provision_gallery", "gallery": gallery, "state": "succeeded"}.items()
    )
    wait_until(lambda: bool(list_deliveries(acme, webhook, state="delivered")), "it is in the log", 10)
    (logged,) = list_deliveries(acme, webhook)
    assert (logged["event_id"], logged["body"]) == (came.id, event)
    assert logged["attempts"][0]["status"] == 200
    assert list_deliveries(globex, foreign) == []


def test_secret_is_shown_when_made_and_rotated_and_never_again(acme: Shop, receiver: Receiver) -> None:
    made = make_webhook(acme, receiver.url)
    rotated = acme.http.post(f"{path_of(made)}/rotate-secret")
    check_answer("rotate_webhook_secret", rotated)
    secrets = [made["secret"], rotated.json()["secret"]]
    assert len(set(secrets)) == 2
    assert acme.http.post(f"{path_of(made)}/test").status_code == 202
    wait_until(lambda: bool(receiver.received), "the ping has come", 30)
    (came,) = receiver.received
    assert [came.verify(secret)["type"] for secret in secrets] == ["ping", "ping"]

    deliveries = f"{path_of(made)}/deliveries"
    said = [acme.http.get(path).text for path in ("/v1/webhooks", path_of(made), deliveries)]
    said.append(acme.http.patch(path_of(made), json={"events": ["image.failed"]}).text)
    assert "whsec_" not in "".join(said)


def test_webhook_is_changed_disabled_and_deleted(acme: Shop) -> None:
    webhook = make_webhook(acme, DEAD_URL, "job.finished", "image.failed", "job.finished")
    assert webhook["events"] == ["image.failed", "job.finished"]
    for change in ({"events": ["gallery.reindexed"]}, {"url": "http://127.0.0.1:8/"}, {"enabled": False}):
        changed = acme.http.patch(path_of(webhook), json=change)
        check_answer("update_webhook", changed)
        assert changed.json().items() >= change.items()
        assert acme.http.get(path_of(webhook)).json() == changed.json()
    check_problem(acme.http.post(f"{path_of(webhook)}/test"), "webhook_disabled")

    assert acme.http.delete(path_of(webhook)).status_code == 204

    check_problem(acme.http.get(path_of(webhook)), "webhook_not_found")
    check_problem(acme.http.get(f"{path_of(webhook)}/deliveries"), "webhook_not_found")
    assert acme.http.get("/v1/webhooks").json()["results"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": DEAD_URL},
        {"url": DEAD_URL, "events": []},
        {"url": DEAD_URL, "events": ["ping"]},
        {"url": DEAD_URL, "events": ["job.finished", "zoom"]},
        {"url": DEAD_URL, "events": "job.finished"},
        {"url": "", "events": ["job.finished"]},
        {"url": "a\x00b", "events": ["job.finished"]},
        {"url": ["x"], "events": ["job.finished"]},
        {"url": "http://127.0.0.1/" + "x" * 2000, "events": ["job.finished"]},
        [],
    ],
    ids=str,
)
def test_webhook_that_makes_no_sense_is_refused(acme: Shop, body: object) -> None:
    check_problem(acme.http.post("/v1/webhooks", json=body), "invalid_request")


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://u:p@127.0.0.1/", "mailto:a@b.example"])
def test_address_that_must_not_be_asked_is_refused_with_the_reason(acme: Shop, url: str) -> None:
    refused = acme.http.post("/v1/webhooks", json={"url": url, "events": ["job.finished"]})
    check_problem(refused, "webhook_url_refused")
    webhook = make_webhook(acme, DEAD_URL)
    check_problem(acme.http.patch(path_of(webhook), json={"url": url}), "webhook_url_refused")
    assert acme.http.get(path_of(webhook)).json()["url"] == DEAD_URL


def test_webhook_beyond_the_twentieth_is_refused(acme: Shop) -> None:
    for _ in range(20):
        make_webhook(acme, DEAD_URL)
    body = {"url": DEAD_URL, "events": ["job.finished"]}
    check_problem(acme.http.post("/v1/webhooks", json=body), "too_many_webhooks")


def test_failed_delivery_is_tried_again_by_itself_and_a_delivery_on_request(
    acme: Shop, receiver: Receiver
) -> None:
    receiver.status, receiver.text = 500, "not now"
    webhook = make_webhook(acme, receiver.url)
    sent = acme.http.post(f"{path_of(webhook)}/test")
    check_answer("test_webhook", sent)
    path = sent.headers["Location"]
    wait_until(lambda: bool(acme.http.get(path).json()["attempts"]), "an attempt is in the log", 30)
    assert acme.http.get(path).json()["attempts"][0]["answer"] == "not now"
    receiver.status = 200

    # After five seconds, when the sweep looks, which is every ten.
    wait_until(lambda: acme.http.get(path).json()["state"] == "delivered", "it is tried again", 30)
    again = acme.http.post(f"{path}/redeliver")
    check_answer("redeliver_webhook", again)
    assert again.headers["Location"] != path
    wait_until(lambda: len(receiver.received) == 3, "it is delivered again", 30)

    assert {came.id for came in receiver.received} == {sent.json()["event_id"]}
    assert all(came.verify(webhook["secret"]) for came in receiver.received)


def test_list_of_deliveries_refuses_a_state_that_there_is_not(acme: Shop) -> None:
    webhook = make_webhook(acme, DEAD_URL)
    response = acme.http.get(f"{path_of(webhook)}/deliveries", params={"state": "lost"})
    check_problem(response, "invalid_request")


def test_another_shop_cannot_see_change_or_use_a_webhook(
    acme: Shop, globex: Shop, receiver: Receiver
) -> None:
    webhook = make_webhook(acme, receiver.url)
    own = make_webhook(globex, receiver.url)
    delivery = acme.http.post(f"{path_of(webhook)}/test").json()["id"]
    wait_until(lambda: bool(list_deliveries(acme, webhook, state="delivered")), "the ping is in the log", 30)
    before = acme.http.get(path_of(webhook)).json(), list_deliveries(acme, webhook)
    path = path_of(webhook)
    for method, address in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/rotate-secret"),
        ("POST", f"{path}/test"),
        ("GET", f"{path}/deliveries"),
        ("GET", f"{path}/deliveries/{delivery}"),
        ("POST", f"{path}/deliveries/{delivery}/redeliver"),
    ):
        check_problem(globex.http.request(method, address, json={"enabled": False}), "webhook_not_found")
    for wrong in (delivery, uuid.uuid4()):
        check_problem(globex.http.get(f"{path_of(own)}/deliveries/{wrong}"), "delivery_not_found")
    assert [row["id"] for row in globex.http.get("/v1/webhooks").json()["results"]] == [own["id"]]
    assert (acme.http.get(path).json(), list_deliveries(acme, webhook)) == before
    assert len(receiver.received) == 1
