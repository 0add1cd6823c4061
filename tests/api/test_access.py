"""Who may call what."""

from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from tenants.domain.keys import issue_key
from tenants.models import ApiKey
from tenants.models.api_key import Scope
from tests.api.conftest import Stall
from tests.api.operations import OPERATIONS, READS, Operation, call, ids_of, random_ids
from tests.api.problems import check_problem
from tests.tenants.rows import change_rows

NEEDED = {
    "list_galleries": Scope.CATALOG_READ,
    "create_gallery": Scope.CATALOG_WRITE,
    "read_gallery": Scope.CATALOG_READ,
    "update_gallery": Scope.CATALOG_WRITE,
    "delete_gallery": Scope.CATALOG_WRITE,
    "reindex_gallery": Scope.CATALOG_WRITE,
    "list_products": Scope.CATALOG_READ,
    "create_product": Scope.CATALOG_WRITE,
    "read_product": Scope.CATALOG_READ,
    "update_product": Scope.CATALOG_WRITE,
    "delete_product": Scope.CATALOG_WRITE,
    "upload_images": Scope.CATALOG_WRITE,
    "list_images": Scope.CATALOG_READ,
    "read_image": Scope.CATALOG_READ,
    "delete_image": Scope.CATALOG_WRITE,
    "recognize": Scope.RECOGNIZE,
    "search": Scope.RECOGNIZE,
    "list_distractors": Scope.CATALOG_READ,
    "add_distractors": Scope.CATALOG_WRITE,
    "read_distractor": Scope.CATALOG_READ,
    "delete_distractor": Scope.CATALOG_WRITE,
    "list_labelled_queries": Scope.CATALOG_READ,
    "add_labelled_queries": Scope.CATALOG_WRITE,
    "read_labelled_query": Scope.CATALOG_READ,
    "delete_labelled_query": Scope.CATALOG_WRITE,
    "list_calibrations": Scope.CATALOG_READ,
    "create_calibration": Scope.CATALOG_WRITE,
    "read_calibration": Scope.CATALOG_READ,
    "apply_calibration": Scope.CATALOG_WRITE,
    "list_evaluations": Scope.CATALOG_READ,
    "create_evaluation": Scope.CATALOG_WRITE,
    "read_evaluation": Scope.CATALOG_READ,
    "apply_evaluation": Scope.CATALOG_WRITE,
    "read_usage": Scope.CATALOG_READ,
    "list_keys": Scope.ADMIN,
    "create_key": Scope.ADMIN,
    "read_key": Scope.ADMIN,
    "update_key": Scope.ADMIN,
    "revoke_key": Scope.ADMIN,
    "rotate_key": Scope.ADMIN,
    "list_members": Scope.ADMIN,
    "read_member": Scope.ADMIN,
    "update_member": Scope.ADMIN,
    "remove_member": Scope.ADMIN,
    "list_invitations": Scope.ADMIN,
    "create_invitation": Scope.ADMIN,
    "read_invitation": Scope.ADMIN,
    "revoke_invitation": Scope.ADMIN,
    "resend_invitation": Scope.ADMIN,
    "list_webhooks": Scope.JOBS,
    "create_webhook": Scope.ADMIN,
    "read_webhook": Scope.JOBS,
    "update_webhook": Scope.ADMIN,
    "delete_webhook": Scope.ADMIN,
    "rotate_webhook_secret": Scope.ADMIN,
    "test_webhook": Scope.ADMIN,
    "list_webhook_deliveries": Scope.JOBS,
    "read_webhook_delivery": Scope.JOBS,
    "redeliver_webhook": Scope.ADMIN,
    "create_import": Scope.CATALOG_WRITE,
    "create_export": Scope.CATALOG_WRITE,
    "list_uploads": Scope.CATALOG_READ,
    "create_upload": Scope.CATALOG_WRITE,
    "read_upload": Scope.CATALOG_READ,
    "delete_upload": Scope.CATALOG_WRITE,
    "append_chunk": Scope.CATALOG_WRITE,
    "list_audit_events": Scope.ADMIN,
    "export_audit_events": Scope.ADMIN,
    "read_privacy": Scope.ADMIN,
    "change_privacy": Scope.ADMIN,
    "list_jobs": Scope.JOBS,
    "read_job": Scope.JOBS,
    "list_job_items": Scope.JOBS,
    "read_job_report": Scope.JOBS,
    "read_job_archive": Scope.CATALOG_READ,
    "cancel_job": Scope.CATALOG_WRITE,
    "retry_job": Scope.CATALOG_WRITE,
}
# Of what every shop has, whose address names no row.
CHANGES = {"change_privacy"}
ClientWith = Callable[..., httpx.Client]


@pytest.fixture
def client_with(stall: Stall, django_db_blocker: DjangoDbBlocker) -> Iterator[ClientWith]:
    """A client of Acme with a new key of these scopes; `fields` are set on the key's row."""
    made: list[UUID] = []

    def make_client(*scopes: Scope, **fields: object) -> httpx.Client:
        with django_db_blocker.unblock():
            issued = issue_key(tenant=stall.shop.tenant, name="test", scopes=scopes)
            change_rows(ApiKey.across_tenants.filter(pk=issued.key.pk), name="changed", **fields)
        made.append(issued.key.pk)
        return open_client(stall, f"Bearer {issued.plaintext}")

    yield make_client
    # A shop has so many live keys and no more.
    with django_db_blocker.unblock():
        change_rows(ApiKey.across_tenants.filter(pk__in=made), revoked_at=timezone.now())


def open_client(stall: Stall, authorization: str | None) -> httpx.Client:
    headers = {} if authorization is None else {"Authorization": authorization}
    return httpx.Client(base_url=stall.shop.http.base_url, headers=headers, timeout=30, trust_env=False)


def test_table_of_scopes_names_every_operation() -> None:
    assert set(NEEDED) == {operation.id for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_call_without_its_scope_is_refused_by_name(
    operation: Operation, stall: Stall, client_with: ClientWith
) -> None:
    needed = NEEDED[operation.id]
    others = set(Scope) - {needed, Scope.ADMIN}
    with client_with(*others) as client:
        response = call(operation, client, ids_of(stall))
    assert check_problem(response) == "scope_missing"
    assert f"`{needed}`" in response.json()["detail"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_call_with_its_scope_alone_or_admin_gets_through(
    operation: Operation, stall: Stall, client_with: ClientWith
) -> None:
    for scope in (NEEDED[operation.id], Scope.ADMIN):
        with client_with(scope) as client:
            response = call(operation, client, random_ids())
        if operation.names:
            assert response.status_code == 404
        else:
            assert response.status_code in ({200} if operation.id in CHANGES | READS else {201, 202})


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_call_without_a_key_is_refused_before_anything_is_looked_up(
    operation: Operation, stall: Stall
) -> None:
    with open_client(stall, None) as client:
        for ids in (ids_of(stall), random_ids()):
            response = call(operation, client, ids)
            check_problem(response, "key_missing")
            assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "key_missing"),
        ("Bearer", "key_missing"),
        ("Basic dXNlcjpwYXNz", "key_missing"),
        ("Token vtr_aaaaaaaaaa_" + "A" * 40, "key_missing"),
        ("Bearer garbled", "key_rejected"),
        ("Bearer vtr_aaaaaaaaaa_" + "A" * 40, "key_rejected"),
        ("Bearer vtr_aaaaaaaaaa_" + "A" * 39, "key_rejected"),
        ("Bearer a b c", "key_rejected"),
        ("Bearer " + "x" * 5000, "key_rejected"),
        ("Bearer ' OR 1=1 --", "key_rejected"),
        ("Bearer caf\xe9", "key_rejected"),
    ],
)
def test_garbled_key_is_refused(stall: Stall, authorization: str, code: str) -> None:
    headers = [(b"Authorization", authorization.encode("latin-1"))]
    with open_client(stall, None) as client:
        response = client.get("/v1/galleries", headers=headers)
    check_problem(response, code)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_word_bearer_may_be_written_in_any_case(stall: Stall) -> None:
    with open_client(stall, f"bEARER {stall.shop.key}") as client:
        assert client.get("/v1/galleries").status_code == 200


def test_revoked_and_expired_keys_are_refused_at_the_next_call(client_with: ClientWith) -> None:
    with client_with(Scope.ADMIN, revoked_at=timezone.now()) as client:
        check_problem(client.get("/v1/galleries"), "key_revoked")
    with client_with(Scope.ADMIN, expires_at=timezone.now()) as client:
        check_problem(client.get("/v1/galleries"), "key_expired")


def test_key_in_the_address_is_not_taken(stall: Stall) -> None:
    with open_client(stall, None) as client:
        for name in ("key", "token", "api_key"):
            check_problem(client.get("/v1/galleries", params={name: stall.shop.key}), "key_missing")
