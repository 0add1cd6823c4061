"""What the audit log shows of each model: what was said of it. Never a secret, nor the hash of one."""

import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

from django.db.models import Model

from tenants.models import (
    ApiKey,
    Exemplar,
    Gallery,
    Invitation,
    Membership,
    Product,
    ReferenceImage,
    Tenant,
    Upload,
    WebhookDelivery,
    WebhookEndpoint,
)

AUDITED: Final[dict[type[Model], tuple[str, ...]]] = {
    Tenant: ("slug", "name", "keep_queries_days"),
    Gallery: ("name", "settings"),
    Product: (
        "gallery",
        "sku",
        "title",
        "category",
        "attributes",
        "style_of",
        "score_threshold",
    ),
    ReferenceImage: ("gallery", "product", "filename", "size", "sha256"),
    Exemplar: ("gallery", "role", "sku", "filename", "size", "sha256"),
    Upload: ("kind", "filename", "size", "sha256"),
    ApiKey: ("name", "prefix", "scopes", "expires_at", "rotated_at", "revoked_at"),
    Membership: ("user", "role"),
    Invitation: ("email", "role", "expires_at", "accepted_at", "revoked_at"),
    WebhookEndpoint: ("events", "enabled", "disabled_reason"),
    WebhookDelivery: ("endpoint", "event_id", "event"),
}


def describe_row(row: Model) -> dict[str, Any]:
    """The row as the audit log shows it, other rows by their ids. Raises `KeyError` for other models."""
    shown = {name: row.serializable_value(name) for name in AUDITED[type(row)]}
    return {**shown, "url": _veil_url(row.url)} if isinstance(row, WebhookEndpoint) else shown


def _veil_url(url: str) -> str:
    """Where it leads. Its path and query often are a receiver's secret: a digest tells them apart."""
    parts = urlsplit(url)
    rest = hashlib.sha256(url.encode()).hexdigest()[:8]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/… (sha256 {rest})"
