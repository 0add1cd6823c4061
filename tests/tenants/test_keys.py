import re
from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.domain.keys import IssuedKey, authenticate_key, issue_key, revoke_key
from tenants.errors import KeyRejected, TenantRequired
from tenants.models import ApiKey
from tenants.models.api_key import Scope
from tests.tenants.rows import change_rows, make_tenant


@pytest.fixture
def issued(db: None) -> IssuedKey:
    return issue_key(tenant=make_tenant("acme"), name="till", scopes=[Scope.RECOGNIZE])


def reload_key(issued: IssuedKey) -> ApiKey:
    return ApiKey.across_tenants.get(pk=issued.key.pk)


def set_key(issued: IssuedKey, **fields: object) -> None:
    change_rows(ApiKey.across_tenants.filter(pk=issued.key.pk), **fields)


def test_key_has_the_documented_form(issued: IssuedKey) -> None:
    assert re.fullmatch(r"vtr_[a-z0-9]{10}_[A-Za-z0-9]{40}", issued.plaintext)


def test_keys_differ_in_prefix_and_secret(db: None) -> None:
    tenant = make_tenant("acme")
    keys = {issue_key(tenant=tenant, name="k", scopes=[]).plaintext for _ in range(20)}
    assert len({key.split("_")[1] for key in keys}) == 20
    assert len({key.split("_")[2] for key in keys}) == 20


def test_key_row_holds_no_part_of_the_secret(issued: IssuedKey) -> None:
    secret = issued.plaintext.rpartition("_")[2]
    stored = ApiKey.across_tenants.filter(pk=issued.key.pk).values().get()
    assert secret not in repr(stored)
    assert stored["secret_hash"] != secret
    assert re.fullmatch("[0-9a-f]{64}", stored["secret_hash"])
    assert secret not in repr(issued.key.__dict__)
    assert secret not in str(issued.key)


def test_issued_key_does_not_show_its_plaintext_in_a_log_line(issued: IssuedKey) -> None:
    assert issued.plaintext not in repr(issued)


def test_authenticate_key_answers_the_key_with_its_tenant_and_scopes(issued: IssuedKey) -> None:
    key = authenticate_key(plaintext=issued.plaintext)
    assert key == issued.key
    assert key.tenant.name == "acme"
    assert key.scopes == ["recognize"]


def spoil(plaintext: str) -> dict[str, str]:
    """Keys that are nearly right, by what is wrong with them."""
    other = "a" if plaintext[-1] != "a" else "b"
    prefix, _, secret = plaintext[4:].partition("_")
    return {
        "empty": "",
        "truncated": plaintext[:-1],
        "too long": plaintext + "A",
        "last letter": plaintext[:-1] + other,
        "unknown prefix": f"vtr_{'z' * 10}_{secret}",
        "foreign kind": f"sk_{prefix}_{secret}",
        "case of the secret": f"vtr_{prefix}_{secret.swapcase()}",
        "newline": plaintext + "\n",
        "NUL": plaintext + "\x00",
        "not ASCII": plaintext[:-1] + "é",
        "other digits": f"vtr_{prefix}_{'٣' * 40}",
        "prefix alone": f"vtr_{prefix}_",
        "hash": "0" * 64,
    }


@pytest.mark.parametrize("fault", spoil("vtr_aaaaaaaaaa_" + "A" * 40))
def test_authenticate_key_refuses_every_wrong_key_alike(issued: IssuedKey, fault: str) -> None:
    with pytest.raises(KeyRejected) as refused:
        authenticate_key(plaintext=spoil(issued.plaintext)[fault])
    assert refused.value.code == "key_rejected"
    assert refused.value.message == "The API key is not known. Check that it was copied whole."
    assert reload_key(issued).last_used_at is None


def test_authenticate_key_refuses_the_secret_of_another_key(issued: IssuedKey) -> None:
    other = issue_key(tenant=make_tenant("globex"), name="till", scopes=list(Scope))
    mixed = issued.plaintext[:15] + other.plaintext[15:]
    with pytest.raises(KeyRejected, match="not known"):
        authenticate_key(plaintext=mixed)


def test_authenticate_key_refuses_a_revoked_key_and_says_so(issued: IssuedKey) -> None:
    authenticate_key(plaintext=issued.plaintext)
    revoke_key(key=issued.key)
    with pytest.raises(KeyRejected) as refused:
        authenticate_key(plaintext=issued.plaintext)
    assert refused.value.code == "key_revoked"


def test_revoke_key_keeps_the_time_of_the_first_revocation(issued: IssuedKey) -> None:
    revoke_key(key=issued.key)
    first = reload_key(issued).revoked_at
    revoke_key(key=issued.key)
    assert reload_key(issued).revoked_at == first is not None


def test_authenticate_key_refuses_a_key_from_the_moment_it_expires(issued: IssuedKey) -> None:
    set_key(issued, expires_at=timezone.now() + timedelta(minutes=1))
    authenticate_key(plaintext=issued.plaintext)
    set_key(issued, expires_at=timezone.now())
    with pytest.raises(KeyRejected) as refused:
        authenticate_key(plaintext=issued.plaintext)
    assert refused.value.code == "key_expired"


def test_wrong_secret_of_a_revoked_key_tells_nothing_of_its_state(issued: IssuedKey) -> None:
    revoke_key(key=issued.key)
    with pytest.raises(KeyRejected) as refused:
        authenticate_key(plaintext=spoil(issued.plaintext)["last letter"])
    assert refused.value.code == "key_rejected"


def test_last_used_is_right_to_a_minute_and_written_no_oftener(issued: IssuedKey) -> None:
    authenticate_key(plaintext=issued.plaintext)
    first = reload_key(issued).last_used_at
    assert first is not None
    assert timezone.now() - first < timedelta(minutes=1)
    authenticate_key(plaintext=issued.plaintext)
    assert reload_key(issued).last_used_at == first
    set_key(issued, last_used_at=first - timedelta(seconds=61))
    authenticate_key(plaintext=issued.plaintext)
    assert reload_key(issued).last_used_at >= first  # type: ignore[operator]


def test_key_rows_are_behind_the_wall_like_all_others(issued: IssuedKey) -> None:
    with pytest.raises(TenantRequired):
        ApiKey.objects.count()
