"""Every call that changes something leaves its events in the audit log; what only asks is named here."""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from jobs.dispatch import create_job
from jobs.models import Job, JobItem
from retrieval.analysers import default_embedder
from tenants.domain.exemplars import add_distractor, add_labelled_query
from tenants.domain.invitations import invite_person
from tenants.domain.keys import issue_key
from tenants.domain.roles import ROLE_OF_KEYS, Role
from tenants.models import (
    AuditEvent,
    Calibration,
    Evaluation,
    Gallery,
    Membership,
    ReferenceImage,
    Upload,
    WebhookEndpoint,
)
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope
from tests.api.operations import OPERATIONS, Operation
from tests.api.photos import draw_photo
from tests.conftest import ROOT
from tests.tenants.rows import make_gallery, make_image, make_product, make_tenant
from transfer.imports.request import ImportRequest
from transfer.uploads.receiving import create_upload, store_upload
from webhooks.endpoints import create_endpoint
from webhooks.resending import send_ping

ASKING = {
    "recognize": "answers what is in a photo, and keeps nothing of the shop's but counts",
    "search": "as `recognize`",
}


@dataclass(frozen=True)
class Change:
    """A call's body, and the actions that it is to leave, in order."""

    actions: list[str]
    body: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


PHOTO = {"images": draw_photo(77)}
CHANGES = {
    "create_gallery": Change(["gallery.created", "job.started"], {"name": "second"}),
    "update_gallery": Change(["gallery.updated"], {"name": "renamed"}),
    "delete_gallery": Change(["job.ended", "gallery.deleted", "job.started"]),
    "reindex_gallery": Change(["job.started"]),
    "create_product": Change(["product.created"], {"sku": "A2"}),
    "update_product": Change(["product.updated"], {"title": "Tea"}),
    "delete_product": Change(["product.deleted"]),
    "upload_images": Change(["image.added"], files=PHOTO),
    "delete_image": Change(["image.deleted"]),
    "add_labelled_queries": Change(["labelled_query.added", "job.started"], {"sku": "A1"}, files=PHOTO),
    "delete_labelled_query": Change(["labelled_query.deleted"]),
    "create_calibration": Change(["job.started"]),
    "apply_calibration": Change(["gallery.calibration_applied"]),
    "create_evaluation": Change(["job.started"], {"source": "queries"}),
    "apply_evaluation": Change(["gallery.evaluation_applied"]),
    "create_import": Change(
        ["upload.created", "upload.completed", "job.started"], files={"file": b"sku,image\n"}
    ),
    "create_export": Change(["job.started"]),
    "create_upload": Change(["upload.created"], {"filename": "shop.zip", "size": 1000}),
    "append_chunk": Change(["upload.completed"]),
    "delete_upload": Change(["upload.deleted"]),
    "add_distractors": Change(["distractor.added", "job.started"], files=PHOTO),
    "delete_distractor": Change(["distractor.deleted"]),
    "create_webhook": Change(["webhook.created"], {"url": "http://127.0.0.1:9/", "events": ["job.finished"]}),
    "update_webhook": Change(["webhook.updated"], {"enabled": False}),
    "delete_webhook": Change(["webhook.deleted"]),
    "rotate_webhook_secret": Change(["webhook.secret_rotated"]),
    "test_webhook": Change(["webhook.tested"]),
    "redeliver_webhook": Change(["webhook.redelivered"]),
    "create_key": Change(["key.issued"], {"name": "second", "scopes": ["jobs"]}),
    "update_key": Change(["key.renamed"], {"name": "renamed"}),
    "rotate_key": Change(["key.rotated", "key.issued"], {"overlap_s": 60}),
    "revoke_key": Change(["key.revoked"]),
    "update_member": Change(["member.role_changed"], {"role": "editor"}),
    "remove_member": Change(["member.removed"]),
    "create_invitation": Change(["invitation.created"], {"email": "new@acme.example", "role": "viewer"}),
    "resend_invitation": Change(["invitation.resent"]),
    "revoke_invitation": Change(["invitation.revoked"]),
    "change_privacy": Change(["privacy.changed"], {"keep_queries_days": 7}),
    "cancel_job": Change(["job.ended"]),
    "retry_job": Change(["job.started"]),
}
CHANGING = [operation for operation in OPERATIONS if operation.method != "get"]


@dataclass(frozen=True)
class Counter:
    """A shop with one of everything, and its key."""

    key_id: str
    http: Client
    gallery: Gallery
    ids: dict[str, str]

    def send(self, operation: Operation) -> Any:
        """The operation's call with the body that `CHANGES` gives it."""
        change = CHANGES[operation.id]
        if operation.id == "append_chunk":
            return self._send_chunk(operation)
        path = operation.path.format(**self._choose_ids(operation))
        if change.files:
            files = {name: SimpleUploadedFile("shop.csv", data) for name, data in change.files.items()}
            return self.http.post(path, {**change.body, **files})
        body = json.dumps(change.body) if change.body else ""
        return self.http.generic(operation.method.upper(), path, body, content_type="application/json")

    def _choose_ids(self, operation: Operation) -> dict[str, str]:
        return {**self.ids, "job": self.ids["failed_import"]} if operation.id == "retry_job" else self.ids

    def _send_chunk(self, operation: Operation) -> Any:
        path = f"{operation.path.format(**self.ids)}?offset=0"
        headers = {"X-Chunk-SHA256": hashlib.sha256(b"PK").hexdigest()}
        return self.http.put(path, b"PK", content_type="application/octet-stream", headers=headers)


@pytest.fixture
def counter(db: None, settings: Settings, tmp_path: Path) -> Iterator[Counter]:
    """Acme's, in its scope; its log is that of the calls alone."""
    settings.MEDIA_ROOT = tmp_path
    settings.WEBHOOK_HTTP = settings.WEBHOOK_PRIVATE_ADDRESSES = True
    tenant = make_tenant("acme")
    issued = issue_key(tenant=tenant, name="till", scopes=list(Scope))
    gallery = make_gallery(tenant)
    with tenant_scope(tenant.pk):
        gallery.settings = {"index": {"embedders": [default_embedder()]}}
        gallery.save()
        ids = {**stock(gallery), **measure(gallery), **lay_out(gallery), **invite(gallery)}
        http = Client(headers={"Authorization": f"Bearer {issued.plaintext}", "X-Request-ID": "request-1"})
        yield Counter(str(issued.key.pk), http, gallery, ids)


def stock(gallery: Gallery) -> dict[str, str]:
    """The ids of a product, a photo and exemplars."""
    product = make_product(gallery, "A1")
    image = make_image(product)
    ReferenceImage.objects.filter(pk=image.pk).update(state=ReferenceImage.State.INDEXED)
    photo: dict[str, Any] = {"filename": "a.png", "image_format": "png", "data": draw_photo(1)}
    query = add_labelled_query(gallery=gallery, sku="A1", **photo).exemplar
    distractor = add_distractor(tenant_id=gallery.tenant_id, **photo).exemplar
    rows = {"gallery": gallery, "product": product, "image": image}
    exemplars = {"labelled_query": query, "distractor": distractor}
    return {name: str(row.pk) for name, row in {**rows, **exemplars}.items()}


def measure(gallery: Gallery) -> dict[str, str]:
    """The ids of a calibration and an evaluation that can be applied."""
    about = {"tenant_id": gallery.tenant_id, "gallery": gallery, "generation": gallery.generation}
    calibration = Calibration.objects.create(**about, false_accept_rate=0.01, threshold=0.5)
    result = {"policies": [{"rerank": ["aqe"], "grouping": "vote"}], "recommended": 0}
    evaluation = Evaluation.objects.create(**about, source=Evaluation.Source.QUERIES, result=result)
    return {"calibration": str(calibration.pk), "evaluation": str(evaluation.pk)}


def lay_out(gallery: Gallery) -> dict[str, str]:
    """The ids of an upload without its bytes, a webhook with a delivery, and jobs to cancel and to retry."""
    tenant_id = gallery.tenant_id
    endpoint = create_endpoint(
        tenant_id=tenant_id, url="http://127.0.0.1:9/", events=[WebhookEndpoint.Event.JOB_FINISHED]
    )
    source = store_upload("shop.csv", io.BytesIO(b"sku,image\n"))
    about: dict[str, Any] = {"tenant_id": tenant_id, "gallery": gallery, "trigger": "api"}
    failed = create_job(**about, kind=Job.Kind.IMPORT, given=ImportRequest(upload=source.pk).as_input())
    Job.objects.filter(pk=failed.pk).update(state=Job.State.SUCCEEDED)
    JobItem.objects.create(tenant_id=tenant_id, job=failed, line=1, sku="A1", state=JobItem.State.FAILED)
    return {
        "upload": str(create_upload(filename="shop.zip", size=2).pk),
        "webhook": str(endpoint.pk),
        "delivery": str(send_ping(endpoint=endpoint).pk),
        "job": str(create_job(**about, kind=Job.Kind.REINDEX).pk),
        "failed_import": str(failed.pk),
    }


def invite(gallery: Gallery) -> dict[str, str]:
    """The ids of a key, a member and an invitation."""
    tenant = gallery.tenant
    user = User.objects.create(username="alice", email="alice@acme.example")
    member = Membership.objects.create(tenant=tenant, user=user, role=Role.VIEWER)
    invitation = invite_person(tenant=tenant, email="bob@acme.example", role=Role.VIEWER, giver=ROLE_OF_KEYS)
    key = issue_key(tenant=tenant, name="other", scopes=[Scope.JOBS]).key
    return {"key": str(key.pk), "member": str(member.pk), "invitation": str(invitation.pk)}


def test_table_of_changes_names_every_call_that_changes_something() -> None:
    assert {operation.id for operation in CHANGING} == CHANGES.keys() | ASKING.keys()
    assert not CHANGES.keys() & ASKING.keys()


def test_guide_names_every_action() -> None:
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", (ROOT / "docs" / "audit.md").read_text()))
    assert {action for change in CHANGES.values() for action in change.actions} <= named


@pytest.mark.parametrize("operation", [o for o in CHANGING if o.id not in ASKING], ids=str)
def test_call_leaves_its_events_by_its_key_and_from_its_address(
    operation: Operation, counter: Counter
) -> None:
    before = AuditEvent.objects.count()
    response = counter.send(operation)
    assert 200 <= response.status_code < 300, response.content
    events = list(AuditEvent.objects.order_by("pk"))[before:]
    assert [event.action for event in events] == CHANGES[operation.id].actions
    for event in events:
        assert (event.actor, event.actor_id, event.actor_name) == ("key", counter.key_id, "till")
        assert (event.address, event.request_id) == ("127.0.0.1", "request-1")
        assert event.object_id
        assert "whsec_" not in json.dumps([event.before, event.after])


def test_calls_that_are_refused_leave_no_event(counter: Counter) -> None:
    before = AuditEvent.objects.count()
    assert counter.http.post("/v1/galleries", {}, content_type="application/json").status_code == 400
    upload = Upload.objects.get(pk=counter.ids["upload"])
    assert counter.http.delete(f"/v1/uploads/{upload.pk}x").status_code == 404
    path = f"/v1/galleries/{counter.gallery.pk}/products"
    assert counter.http.post(path, {"sku": "A1"}, content_type="application/json").status_code >= 400
    assert AuditEvent.objects.count() == before
