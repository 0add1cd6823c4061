"""Telling a shop of photos that were not recognised, where it asks to hear of them."""

from typing import Any
from uuid import UUID

from django.db import transaction

from config.log import request_id
from jobs.events import emit_event
from jobs.subscriptions import is_asked_for
from retrieval.decision import Verdict
from tenants.models import WebhookEndpoint

_EVENT = WebhookEndpoint.Event.RECOGNITION_UNKNOWN


def tell_unknown(*, gallery_id: UUID, answer: Verdict, threshold: float) -> None:
    """Leave the event `recognition.unknown`; the photo itself is kept nowhere and sent nowhere.

    threshold: of products that have none of their own.
    """
    if not is_asked_for(_EVENT):
        return
    best = answer.best
    own = best.product.score_threshold if best else None
    data = {
        "gallery": str(gallery_id),
        "request_id": request_id.get(),
        "reason": answer.reason,
        "threshold": round(threshold if own is None else own, 6),
        "best_rejected": _describe_best(answer),
    }
    with transaction.atomic():
        emit_event(_EVENT, data)


def _describe_best(answer: Verdict) -> dict[str, Any] | None:
    if answer.best is None:
        return None
    product = answer.best.product
    return {"product": str(product.id), "sku": product.sku, "score": round(answer.best.score, 6)}
