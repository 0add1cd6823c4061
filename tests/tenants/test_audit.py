"""The audit log: written with the change, kept for ever, and without secrets."""

import re
import uuid
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command, get_commands, load_command_class
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.db.utils import DatabaseError, IntegrityError
from pytest_django import Settings

from config.log import request_id
from tenants.domain.audit import SYSTEM, Actor, acting_as, current_actor, find_actor, record_change
from tenants.domain.audited import AUDITED, describe_row
from tenants.domain.exemplars import add_labelled_query, delete_exemplar
from tenants.domain.galleries import update_gallery
from tenants.domain.images import add_image, delete_image
from tenants.domain.products import create_product, delete_product, update_product
from tenants.domain.tenants import hide_tenant
from tenants.errors import Conflict, NotFound
from tenants.management.operating import OperatorCommand
from tenants.models import AuditEvent, Gallery, ReferenceImage, Tenant, WebhookEndpoint
from tenants.models.owned import TenantOwned
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.tenants.rows import make_gallery, make_product, make_tenant

TILL = Actor(AuditEvent.Actor.KEY, id=str(uuid.uuid4()), name="till", address="192.0.2.7")
# Of these nobody says anything: the service writes them, or what is said of them is said of another row.
UNAUDITED = {
    "tenants.AuditEvent": "is the log",
    "tenants.Calibration": "the result of a job",
    "tenants.Embedding": "made from a photo",
    "tenants.Evaluation": "the result of a job",
    "tenants.ExemplarRegion": "made from a photo",
    "tenants.IdempotentCall": "an answer that is kept for a day",
    "tenants.MonthlyUsage": "counted",
    "tenants.Projection": "fitted by a job",
    "tenants.Quota": "described by tenants.domain.allowances",
    "tenants.QueryLog": "a question, no change",
    "tenants.Region": "made from a photo",
    "tenants.Rotation": "fitted by a job",
    "tenants.UploadChunk": "a part of an upload",
    "tenants.Usage": "counted",
    "tenants.VectorIndex": "built by a job",
    "jobs.Job": "described by jobs.recording",
    "jobs.JobItem": "a row of an import, which is told by its counts",
}
STRANGERS = {
    "migrate": "changes tables, and no shop's rows",
    "createoperator": "makes an account, which is no shop's",
    "createowner": "enters it by itself",
}
ROOMS = {"api", "demo", "frontend", "jobs", "retrieval", "tenants", "transfer", "webhooks"}
SECRET = re.compile("secret|hash|token|password|body")


@pytest.fixture
def gallery(db: None) -> Iterator[Gallery]:
    """Acme's, in Acme's scope."""
    made = make_gallery(make_tenant("acme"))
    with tenant_scope(made.tenant_id):
        yield made


def list_events() -> list[tuple[str, object, object]]:
    """(action, before, after), in order."""
    return list(AuditEvent.objects.order_by("pk").values_list("action", "before", "after"))


def fail_as(actor: Actor) -> None:
    """Raise `NotFound` as this actor."""
    assert current_actor() == actor
    raise NotFound("gone")


def test_event_tells_who_what_and_from_where(gallery: Gallery) -> None:
    token = request_id.set("request-1")
    with acting_as(TILL):
        product = create_product(gallery=gallery, sku="A1", attributes={"size": [1, None]})
    request_id.reset(token)
    event = AuditEvent.objects.get()
    assert (event.actor, event.actor_id, event.actor_name) == ("key", TILL.id, "till")
    assert (event.address, event.request_id) == ("192.0.2.7", "request-1")
    assert (event.action, event.object_id, event.before) == ("product.created", str(product.pk), None)
    after = event.after or {}
    assert (after["sku"], after["attributes"], after["gallery"]) == (
        "A1",
        {"size": [1, None]},
        str(gallery.pk),
    )
    assert find_actor(action="product.created", object_id=product.pk) == TILL
    assert find_actor(action="product.deleted", object_id=product.pk) == SYSTEM


def test_actor_is_the_service_unless_named_and_again_afterwards() -> None:
    assert current_actor() == SYSTEM
    with acting_as(TILL), acting_as(SYSTEM):
        assert current_actor() == SYSTEM
    with pytest.raises(NotFound), acting_as(TILL):
        fail_as(TILL)
    assert current_actor() == SYSTEM


def test_change_keeps_only_what_differs_and_none_leaves_no_event(gallery: Gallery) -> None:
    product = make_product(gallery)
    update_product(product=product, title="Tea", category="")
    update_product(product=product, title="Tea")
    update_gallery(gallery=gallery, name=gallery.name)
    update_gallery(gallery=gallery, name="other")
    assert list_events() == [
        ("product.updated", {"title": ""}, {"title": "Tea"}),
        ("gallery.updated", {"name": "shelf"}, {"name": "other"}),
    ]


def test_before_is_what_the_row_held_and_not_what_the_caller_had_read(gallery: Gallery) -> None:
    product = make_product(gallery)
    stale = type(product).objects.get(pk=product.pk)
    update_product(product=product, title="Tea", category="hot")
    update_product(product=stale, title="Coffee")
    assert list_events()[-1] == ("product.updated", {"title": "Tea"}, {"title": "Coffee"})


def test_change_that_fails_leaves_no_event(gallery: Gallery) -> None:
    first, second = make_product(gallery, "A1"), make_product(gallery, "A2")
    with pytest.raises(Conflict):
        update_product(product=second, sku="A1")
    with pytest.raises(Conflict):
        create_product(gallery=gallery, sku="A1")
    with transaction.atomic():
        delete_product(product=first)
        transaction.set_rollback(True)
    assert list_events() == []


def test_deleting_twice_is_one_change(gallery: Gallery) -> None:
    product = make_product(gallery)
    delete_product(product=product)
    delete_product(product=product)
    with pytest.raises(NotFound):
        update_product(product=product, title="Tea")
    assert [action for action, _, after in list_events() if after is None] == ["product.deleted"]


def test_photos_leave_events_and_the_same_photo_again_leaves_none(
    gallery: Gallery, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    photo = {"filename": "a.png", "image_format": "png", "data": draw_photo(1)}
    product = make_product(gallery)
    image = add_image(product=product, **photo).image  # type: ignore[arg-type]
    add_image(product=product, **photo)  # type: ignore[arg-type]
    ReferenceImage.objects.filter(pk=image.pk).update(state=ReferenceImage.State.FAILED)
    add_image(product=product, **photo)  # type: ignore[arg-type]
    delete_image(image=image)
    for sku in ("A1", "A1", "A2"):
        query = add_labelled_query(gallery=gallery, sku=sku, **photo).exemplar  # type: ignore[arg-type]
    delete_exemplar(exemplar=query)
    assert [action for action, _, _ in list_events()] == [
        "image.added",
        "image.added_again",
        "image.deleted",
        "labelled_query.added",
        "labelled_query.added_again",
        "labelled_query.deleted",
    ]
    assert list_events()[1][1:] == ({"state": "failed"}, {"state": "pending"})
    assert list_events()[4][1:] == ({"sku": "A1"}, {"sku": "A2"})


def test_change_outside_of_a_transaction_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "in_atomic_block", False)
    with pytest.raises(TransactionManagementError, match="is to be recorded in the transaction"):
        record_change(action="product.created", object_id="1", before=None, after={})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tenants_auditevent SET actor_name = 'nobody'",
        "DELETE FROM tenants_auditevent",
        "TRUNCATE tenants_auditevent",
    ],
)
def test_log_is_append_only(gallery: Gallery, statement: str) -> None:
    create_product(gallery=gallery, sku="A1")
    with (
        # By the trigger, or, where the role may not even try, by its rights.
        pytest.raises(DatabaseError, match=r"append-only|permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert len(list_events()) == 1


def test_log_goes_with_a_closed_tenant_and_with_no_other(gallery: Gallery) -> None:
    tenant = Tenant.objects.get(pk=gallery.tenant_id)
    create_product(gallery=gallery, sku="A1")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        tenant.delete()
    hide_tenant(tenant=tenant)
    hide_tenant(tenant=tenant)
    assert [action for action, _, _ in list_events()] == ["product.created", "tenant.closed"]
    tenant.delete()
    assert list_events() == []


def test_each_model_is_audited_or_says_why_not_and_shows_no_secret() -> None:
    owned = {model for model in apps.get_models() if issubclass(model, TenantOwned)} | {Tenant}
    labels = {model._meta.label for model in owned - AUDITED.keys()}  # noqa: SLF001 - Django's way to the name
    assert labels == UNAUDITED.keys()
    shown = [name for names in AUDITED.values() for name in names]
    assert [name for name in shown if SECRET.search(name)] == []


def test_webhook_is_described_without_its_secrets() -> None:
    url = "https://user@hooks.example.com:8443/T0/B1/xyzzy?sig=plugh"
    endpoint = WebhookEndpoint(url=url, events=["ping"], secret="whsec_abc", previous_secret="whsec_def")
    shown = describe_row(endpoint)
    other = describe_row(WebhookEndpoint(url=f"{url}2", events=["ping"], secret="whsec_abc"))
    assert shown["url"].startswith("https://hooks.example.com:8443/… (sha256 ")
    assert not re.search("xyzzy|plugh|user|whsec", str(shown))
    assert shown["url"] != other["url"]


def test_commands_act_as_the_operator(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "alice")
    slug = f"acme-{uuid.uuid4().hex[:8]}"
    call_command("createtenant", slug, "--name", "Acme", stdout=StringIO())
    tenant = Tenant.objects.get(slug=slug)
    with tenant_scope(tenant.pk):
        event = AuditEvent.objects.get(action="tenant.created")
    assert (event.actor, event.actor_name, event.address) == ("operator", "alice", None)
    assert current_actor() == SYSTEM


def test_every_command_of_ours_acts_as_the_operator() -> None:
    ours = {name: app for name, app in get_commands().items() if app in ROOMS}
    strangers = {
        name for name, app in ours.items() if not isinstance(load_command_class(app, name), OperatorCommand)
    }
    assert len(ours) >= 8
    assert strangers <= STRANGERS.keys()
