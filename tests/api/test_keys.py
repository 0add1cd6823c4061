"""API keys through the API, in this process; that one ends everywhere at once, through the service."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tenants.domain.keys import issue_key
from tenants.models import Tenant
from tenants.models.api_key import Scope
from tests.api.problems import check_problem
from tests.conftest import Shop
from tests.tenants.rows import make_tenant

DAY_S = 24 * 60 * 60


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def admin(tenant: Tenant) -> APIClient:
    return open_client(issue_key(tenant=tenant, name="admin", scopes=[Scope.ADMIN]).plaintext)


def open_client(key: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")


def make_key(client: APIClient, **said: Any) -> dict[str, Any]:
    response = client.post("/v1/keys", {"name": "till", "scopes": ["recognize"], **said})
    assert response.status_code == 201, response.content
    made: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"/v1/keys/{made['id']}"
    assert response.headers["Cache-Control"] == "no-store"
    return made


def code_of(response: Any) -> str:
    code: str = response.json()["code"]
    return code


def test_key_is_shown_once_and_may_what_it_says(admin: APIClient) -> None:
    made = make_key(admin, scopes=["recognize", "jobs", "jobs"])
    plaintext = made.pop("key")
    assert plaintext.startswith(f"vtr_{made['prefix']}_")
    assert (made["name"], made["scopes"], made["state"]) == ("till", ["jobs", "recognize"], "live")
    assert admin.get(f"/v1/keys/{made['id']}").json() == made
    till = open_client(plaintext)
    assert till.get("/v1/jobs").status_code == 200
    assert code_of(till.get("/v1/galleries")) == "scope_missing"
    listed = admin.get("/v1/keys")
    assert plaintext.rpartition("_")[2] not in listed.content.decode()
    used = next(row for row in listed.json()["results"] if row["id"] == made["id"])
    assert used["last_used_at"] is not None


@pytest.mark.parametrize("scope", sorted(set(Scope) - {Scope.ADMIN}))
def test_key_without_admin_makes_sees_and_ends_no_key(admin: APIClient, scope: Scope) -> None:
    made = make_key(admin, scopes=[scope])
    weak = open_client(made["key"])
    path = f"/v1/keys/{made['id']}"
    answers = [
        weak.post("/v1/keys", {"name": "more", "scopes": ["admin"]}),
        weak.post(f"{path}/rotate", {}),
        weak.patch(path, {"name": "more"}),
        weak.get("/v1/keys"),
        weak.get(path),
        weak.delete(path),
    ]
    assert {code_of(answer) for answer in answers} == {"scope_missing"}
    assert admin.get(path).json()["state"] == "live"


def test_revoked_key_is_refused_at_the_next_call(admin: APIClient) -> None:
    made = make_key(admin, scopes=["catalog:read"])
    till = open_client(made["key"])
    assert till.get("/v1/galleries").status_code == 200
    for _ in range(2):
        assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
        assert code_of(till.get("/v1/galleries")) == "key_revoked"
    shown = [row["id"] for row in admin.get("/v1/keys", {"live": "false"}).json()["results"]]
    assert shown == [made["id"]]
    live = [row["name"] for row in admin.get("/v1/keys", {"live": "true"}).json()["results"]]
    assert live == ["admin"]


def test_rotation_says_until_when_the_old_key_lives(admin: APIClient) -> None:
    made = make_key(admin)
    path = f"/v1/keys/{made['id']}"
    rotated = admin.post(f"{path}/rotate", {})
    assert rotated.status_code == 201
    assert rotated.json()["key"] != made["key"]
    assert rotated.json()["scopes"] == ["recognize"]
    old = admin.get(path).json()
    assert (old["state"], old["rotated_at"] is None, old["expires_at"] is None) == ("live", False, False)
    assert code_of(admin.post(f"{path}/rotate", {})) == "key_rotated"
    successor = rotated.json()["id"]
    assert admin.post(f"/v1/keys/{successor}/rotate", {"overlap_s": 0}).status_code == 201
    assert admin.get(f"/v1/keys/{successor}").json()["state"] == "revoked"


@pytest.mark.parametrize(
    "said",
    [
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": None},
        {"scopes": "admin"},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "\x00"},
        {"expires_at": "yesterday"},
        {"expires_at": "2026-01-01T00:00:00Z"},
        {"expires_at": "9999-12-31T23:59:59Z"},
        {"expires_at": "0001-01-01T00:00:00+14:00"},
    ],
    ids=str,
)
def test_key_that_cannot_be_is_refused(admin: APIClient, said: dict[str, Any]) -> None:
    response = admin.post("/v1/keys", {"name": "till", "scopes": ["recognize"], **said})
    assert (response.status_code, code_of(response)) == (400, "invalid_request")
    assert next(iter(said)) in response.json()["errors"]


def test_expiry_is_the_moment_that_was_said(admin: APIClient) -> None:
    moment = timezone.now() + timedelta(days=30)
    assert make_key(admin, expires_at=moment.isoformat())["expires_at"] == moment.isoformat().replace(
        "+00:00", "Z"
    )


@pytest.mark.parametrize("overlap", [-1, 30 * DAY_S + 1, "soon", "1e400", None])
def test_overlap_that_cannot_be_is_refused(admin: APIClient, overlap: object) -> None:
    made = make_key(admin)
    response = admin.post(f"/v1/keys/{made['id']}/rotate", {"overlap_s": overlap})
    assert code_of(response) == "invalid_request"


def test_shop_cannot_lock_itself_out(admin: APIClient) -> None:
    (own,) = admin.get("/v1/keys").json()["results"]
    refused = admin.delete(f"/v1/keys/{own['id']}")
    assert (refused.status_code, code_of(refused)) == (409, "last_admin_key")
    make_key(admin, scopes=["admin"])
    assert admin.delete(f"/v1/keys/{own['id']}").status_code == 204
    assert code_of(admin.get("/v1/keys")) == "key_revoked"


def test_key_ends_in_every_process_at_once(acme: Shop, globex: Shop) -> None:
    made = acme.http.post("/v1/keys", json={"name": "till", "scopes": ["catalog:read"]}).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert globex.http.get("/v1/galleries", headers=headers).status_code == 200
    assert acme.http.delete(f"/v1/keys/{made['id']}").status_code == 204
    check_problem(globex.http.get("/v1/galleries", headers=headers), "key_revoked")
