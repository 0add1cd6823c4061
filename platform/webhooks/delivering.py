"""Sending what is due: each endpoint in a thread of its own, so that a slow one holds up no other."""

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils import timezone

from outbound.errors import OutboundRefused
from outbound.posting import post
from tenants.models import WebhookDelivery
from webhooks.deliveries import Attempt, lease_delivery, list_due, list_due_endpoints, record_attempt
from webhooks.endpoints import list_signers
from webhooks.policy import delivery_policy
from webhooks.signing import sign_message

_THREADS = 10
_log = logging.getLogger(__name__)


def deliver_pending(*, budget_s: float) -> bool:
    """Send what is due to the endpoints of the tenant that is set; True when some is left.

    No attempt begins after `budget_s` seconds, and each lasts WEBHOOK_TIMEOUT_S at most. Order is not kept.
    """
    endpoints = list_due_endpoints()
    if not endpoints:
        return False
    deadline = time.monotonic() + budget_s
    with ThreadPoolExecutor(min(len(endpoints), _THREADS)) as pool:
        served = [pool.submit(copy_context().run, _serve_endpoint, pk, deadline) for pk in endpoints]
    for ended in served:
        ended.result()
    return list_due().exists()


def _serve_endpoint(endpoint_id: UUID, deadline: float) -> None:
    try:
        while time.monotonic() < deadline and (delivery := lease_delivery(endpoint_id)):
            _send(delivery)
    finally:
        connection.close()


def _send(delivery: WebhookDelivery) -> None:
    # No connection to PostgreSQL is held while somebody else's server takes its time.
    connection.close()
    at, began = timezone.now(), time.monotonic()
    try:
        attempt = _post(delivery, at, began)
    except Exception:
        attempt = _fail(at, began, code="internal_error", answer="An error of ours; it was logged.")
        record_attempt(delivery, attempt)
        raise
    _log.info("delivery %s of %s: %s", delivery.pk, delivery.event, attempt.status or attempt.code)
    record_attempt(delivery, attempt)


def _post(delivery: WebhookDelivery, at: datetime, began: float) -> Attempt:
    body = json.dumps(delivery.body, separators=(",", ":"))
    signed = sign_message(
        signers=list_signers(delivery.endpoint), message_id=str(delivery.event_id), timestamp=at, body=body
    )
    try:
        answered = post(
            delivery.endpoint.url,
            body=body.encode(),
            headers={"Content-Type": "application/json", **signed},
            policy=delivery_policy(),
        )
    except OutboundRefused as refused:
        return _fail(at, began, code=refused.code, answer=refused.message)
    return Attempt(at, _count_ms(began), answered.status, "", answered.text)


def _fail(at: datetime, began: float, *, code: str, answer: str) -> Attempt:
    return Attempt(at, _count_ms(began), None, code, answer)


def _count_ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
