"""Endpoints in the audit log."""

import json

import pytest
from django.db import transaction

from tenants.models import AuditEvent, Tenant, WebhookEndpoint
from webhooks.endpoints import (
    create_endpoint,
    disable_endpoint,
    lock_endpoint,
    rotate_secret,
    update_endpoint,
)


@pytest.mark.usefixtures("intranet")
def test_endpoints_changes_are_recorded_without_its_secrets(acme: Tenant) -> None:
    url = "http://127.0.0.1:9/hook/xyzzy"
    endpoint = create_endpoint(tenant_id=acme.pk, url=url, events=[WebhookEndpoint.Event.IMAGE_FAILED])
    secrets = [endpoint.secret, rotate_secret(endpoint=endpoint).secret, "xyzzy"]
    update_endpoint(endpoint=endpoint, url=f"{url}/2")
    with transaction.atomic():
        locked = lock_endpoint(endpoint.pk)
        assert locked is not None
        disable_endpoint(locked, reason="The endpoint answered 410 Gone.")
    events = AuditEvent.objects.filter(object_id=str(endpoint.pk)).order_by("pk")
    created, rotated, updated, disabled = events
    assert [event.action for event in events] == [
        "webhook.created",
        "webhook.secret_rotated",
        "webhook.updated",
        "webhook.disabled",
    ]
    assert (created.after or {})["events"] == ["image.failed"]
    assert (rotated.before or {}) == {"previous_secret_until": None}
    assert (updated.before or {}).keys() == (updated.after or {}).keys() == {"url"}
    assert disabled.after == {"enabled": False, "disabled_reason": "The endpoint answered 410 Gone."}
    kept = json.dumps([[event.before, event.after] for event in events])
    assert not [secret for secret in secrets if secret in kept]
