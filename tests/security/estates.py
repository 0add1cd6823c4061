"""What a shop has, by the names that addresses give it, and what tells it from another shop's."""

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import httpx
from django.core.handlers.wsgi import WSGIHandler
from django.utils import timezone

from jobs.models import Job, JobItem
from tenants.domain.keys import issue_key
from tenants.domain.products import create_product
from tenants.models import (
    ApiKey,
    Calibration,
    Evaluation,
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
from tenants.models.api_key import Scope
from tenants.models.owned import TenantOwned
from tenants.scope import tenant_scope
from tests.conftest import Shop
from tests.retrieval.estate import fill_estate, owned_models
from tests.retrieval.shelf import Shelf, open_shelf
from transfer.uploads.receiving import store_upload

# Every name that an address, a query or a body may give an object's id, and where such objects are.
OBJECTS: dict[str, tuple[type[TenantOwned], dict[str, Any]]] = {
    "calibration": (Calibration, {}),
    "compare": (Evaluation, {}),
    "delivery": (WebhookDelivery, {}),
    "distractor": (Exemplar, {"role": Exemplar.Role.DISTRACTOR}),
    "evaluation": (Evaluation, {}),
    "gallery": (Gallery, {}),
    "image": (ReferenceImage, {}),
    "invitation": (Invitation, {}),
    "job": (Job, {"kind": Job.Kind.IMPORT}),
    "key": (ApiKey, {"name": "till"}),
    "labelled_query": (Exemplar, {"role": Exemplar.Role.QUERY}),
    "member": (Membership, {}),
    "product": (Product, {"sku": "one"}),
    "style_of": (Product, {"sku": "two"}),
    "upload": (Upload, {"kind": Upload.Kind.SOURCE}),
    "webhook": (WebhookEndpoint, {}),
}

_PLAIN = {"rerank": [], "grouping": "best"}
_CALIBRATED: dict[str, Any] = {
    "genuine": 9,
    "impostors": 9,
    "genuine_accepts": None,
    "false_accepts": None,
    "curve": [],
}
_EVALUATED: dict[str, Any] = {
    "queries": 9,
    "strangers": 9,
    "threshold": 0.8,
    "recommended": 0,
    "policies": [],
}


@dataclass(frozen=True)
class Estate:
    """A shop with rows in every table.

    ids: of one object of each of `OBJECTS`. marks: every id in any of its rows and its slug, which stands in
    its texts, too: where one of them turns up, something of the shop does. secrets: told once, or never.
    """

    shop: Shop
    shelf: Shelf
    ids: dict[str, str]
    marks: frozenset[str]
    secrets: frozenset[str]


def open_estate(name: str) -> Estate:
    """A shop of this name, and a client with its key that reaches the web application without a server."""
    shelf = open_shelf(name)
    fill_estate(shelf)
    issued = issue_key(tenant=shelf.tenant, name="test", scopes=list(Scope))
    with tenant_scope(shelf.tenant.id):
        create_product(gallery=shelf.gallery, sku="two")
        _add_export(shelf)
        _put_names(shelf.tenant)
        # No call is to be the one that writes down when the key was used.
        ApiKey.objects.update(last_used_at=timezone.now() + timedelta(days=1))
        ids = {said: str(model.objects.filter(**which)[0].pk) for said, (model, which) in OBJECTS.items()}
        secrets = list_secrets(issued.plaintext)
    shop = Shop(tenant=shelf.tenant, key=issued.plaintext, http=open_client(issued.plaintext))
    return Estate(shop, shelf, ids, list_marks(shelf.tenant), secrets)


def open_client(key: str) -> httpx.Client:
    """A client of the web application in this process."""
    transport = httpx.WSGITransport(app=WSGIHandler())
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(transport=transport, base_url="http://localhost", headers=headers)


def invent_ids() -> dict[str, str]:
    """Ids that nobody has."""
    return {said: str(uuid4()) for said in OBJECTS}


def list_marks(tenant: Tenant) -> frozenset[str]:
    """Every id that a row of the tenant holds in any column, and the slug."""
    marks = {tenant.slug, str(tenant.id), tenant.id.hex}
    for rows in read_rows(tenant).values():
        marks |= {str(value) for row in rows for value in row if isinstance(value, UUID)}
    return frozenset(marks)


def read_rows(tenant: Tenant) -> dict[str, list[tuple[Any, ...]]]:
    """All that the tenant has, by table."""
    with tenant_scope(tenant.id):
        return {
            model._meta.label: list(model.objects.order_by("pk").values_list())  # noqa: SLF001 - a model's name
            for model in owned_models()
        }


def list_secrets(plaintext: str) -> frozenset[str]:
    """What the tenant that is set was told once, or never: of all keys, webhooks and invitations."""
    said = {plaintext, plaintext.rpartition("_")[2]}
    said |= set(ApiKey.objects.values_list("secret_hash", flat=True))
    said |= set(Invitation.objects.values_list("token_hash", flat=True))
    said |= set(WebhookEndpoint.objects.values_list("secret", flat=True))
    return frozenset(said)


def _add_export(shelf: Shelf) -> None:
    archive = io.BytesIO()
    with ZipFile(archive, "w") as zipped:
        zipped.writestr("gallery.json", shelf.tenant.slug)
    archive.seek(0)
    upload = store_upload("shelf.zip", archive)
    Job.objects.create(
        tenant=shelf.tenant,
        gallery=shelf.gallery,
        kind=Job.Kind.EXPORT,
        trigger="test",
        state=Job.State.SUCCEEDED,
        result={"upload": str(upload.pk)},
    )


def _put_names(tenant: Tenant) -> None:
    """The slug into whatever texts are shown of the shop's things."""
    slug = tenant.slug
    Gallery.objects.update(name=slug)
    Product.objects.update(title=slug, category=slug, attributes={"of": slug})
    ReferenceImage.objects.update(filename=slug)
    Exemplar.objects.update(filename=slug)
    Upload.objects.update(filename=slug)
    Job.objects.update(message=slug)
    JobItem.objects.update(name=slug, message=slug)
    Calibration.objects.update(message=slug, result=_CALIBRATED)
    Evaluation.objects.update(embedders=[slug], result=_EVALUATED, recommended=_PLAIN)
    WebhookEndpoint.objects.update(
        url=f"https://{slug}.example/", secret=f"whsec_{slug}", disabled_reason=slug
    )
    WebhookDelivery.objects.update(body={"data": slug})
