"""Asking whether anybody wants an event, as often as there are recognitions."""

import uuid
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import subscriptions
from jobs.subscriptions import is_asked_for
from tenants.domain.tenants import create_tenant
from tenants.models import Tenant, WebhookEndpoint
from tenants.scope import tenant_scope

UNKNOWN = WebhookEndpoint.Event.RECOGNITION_UNKNOWN


@pytest.fixture
def shop(rows: None) -> Iterator[Tenant]:
    tenant = create_tenant(slug=f"acme-{uuid.uuid4().hex[:8]}", name="acme")
    with tenant_scope(tenant.pk):
        yield tenant


def add_endpoint(tenant: Tenant, *events: WebhookEndpoint.Event, enabled: bool = True) -> None:
    WebhookEndpoint.objects.create(
        tenant=tenant, url="https://shop.example", events=list(events), secret="s", enabled=enabled
    )


def test_event_is_asked_for_by_enabled_endpoints_of_the_tenant_that_name_it(shop: Tenant) -> None:
    add_endpoint(shop, UNKNOWN, enabled=False)
    add_endpoint(shop, WebhookEndpoint.Event.IMAGE_FAILED)
    assert is_asked_for(WebhookEndpoint.Event.IMAGE_FAILED)
    assert not is_asked_for(UNKNOWN)
    other = create_tenant(slug=f"globex-{uuid.uuid4().hex[:8]}", name="globex")
    with tenant_scope(other.pk):
        assert not is_asked_for(WebhookEndpoint.Event.IMAGE_FAILED)


def test_answer_is_remembered_for_a_while(shop: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "REMEMBERED_S", 1e9)
    with CaptureQueriesContext(connection) as asked:
        assert [is_asked_for(UNKNOWN) for _ in range(50)] == [False] * 50
    assert len(asked) == 1
    add_endpoint(shop, UNKNOWN)
    assert not is_asked_for(UNKNOWN)
    monkeypatch.setattr(subscriptions, "REMEMBERED_S", 1e-6)
    assert is_asked_for(UNKNOWN)
