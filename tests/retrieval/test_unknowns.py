"""The event of a photo that was not recognised: what it says, and that it costs nobody else anything."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.log import request_id
from jobs import subscriptions
from jobs.turn import Turn
from retrieval.index.store import VectorStore
from retrieval.photos.indexing import index_pending
from retrieval.recognition import RecognitionOptions, recognize
from tenants.models import Product, WebhookEndpoint
from tests.api.photos import draw_photo
from tests.retrieval.endpoints import add_endpoint, list_events
from tests.retrieval.shelf import Shelf, add_photos
from tests.retrieval.stock import stocked_shelf


@pytest.fixture(scope="module")
def acme(rows: None, store: VectorStore) -> Iterator[Shelf]:
    """A gallery with one photo of one product."""
    with stocked_shelf(store, 0, preset="exact") as shelf:
        add_photos(shelf, 1)
        index_pending(Turn(60, 60))
        shelf.gallery.refresh_from_db()
        yield shelf


@pytest.fixture
def endpoint(acme: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookEndpoint]:
    monkeypatch.setattr(subscriptions, "REMEMBERED_S", 1e-6)
    made = add_endpoint(acme.tenant.id, WebhookEndpoint.Event.RECOGNITION_UNKNOWN)
    yield made
    made.delete()


def ask(shelf: Shelf, seed: int = 2, *, threshold: float = 0.9999) -> str:
    """Photo 2 is like the gallery's photo 1, and no copy of it."""
    options = RecognitionOptions(score_threshold=threshold)
    return recognize(gallery_id=shelf.gallery.pk, data=draw_photo(seed), options=options).answer.outcome


def test_unknown_is_told_with_its_reason_and_best_candidate(acme: Shelf, endpoint: WebhookEndpoint) -> None:
    token = request_id.set("request-7")
    try:
        assert ask(acme) == "unknown"
    finally:
        request_id.reset(token)

    (event,) = list_events(endpoint)
    assert event["type"] == "recognition.unknown"
    score = event["data"]["best_rejected"].pop("score")
    assert 0.0 < score < 0.9999
    assert event["data"] == {
        "gallery": str(acme.gallery.pk),
        "request_id": "request-7",
        "reason": "below_threshold",
        "threshold": 0.9999,
        "best_rejected": {"product": str(acme.product.pk), "sku": acme.product.sku},
    }


def test_threshold_told_is_the_one_that_the_candidate_was_held_to(
    acme: Shelf, endpoint: WebhookEndpoint
) -> None:
    own = Product.objects.filter(pk=acme.product.pk)
    own.update(score_threshold=0.9998)
    try:
        assert ask(acme, threshold=-1.0) == "unknown"
    finally:
        own.update(score_threshold=None)
    assert [event["data"]["threshold"] for event in list_events(endpoint)] == [0.9998]


def test_product_that_was_named_is_no_event(acme: Shelf, endpoint: WebhookEndpoint) -> None:
    assert ask(acme, seed=1) == "product"
    assert list_events(endpoint) == []


def test_unknown_costs_no_query_where_nobody_asks(acme: Shelf) -> None:
    ask(acme)
    with CaptureQueriesContext(connection) as named:
        assert ask(acme, seed=1) == "product"
    with CaptureQueriesContext(connection) as unknown:
        assert ask(acme) == "unknown"
    assert len(unknown) <= len(named) + 1
    assert not any("webhookdelivery" in query["sql"] for query in unknown)
