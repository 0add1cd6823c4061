"""How shops and their first keys come into being."""

import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tenants.domain.bootstrap import ensure_demo_tenant
from tenants.domain.keys import authenticate_key, revoke_key
from tenants.errors import KeyRejected
from tenants.models import ApiKey, Tenant
from tenants.models.api_key import Scope


@pytest.fixture
def key_file(db: None, tmp_path: Path, settings: Settings) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    return tmp_path / "var" / "demo-key"


def run(command: str, *arguments: str) -> str:
    printed = StringIO()
    call_command(command, *arguments, stdout=printed)
    return printed.getvalue().strip()


def test_ensure_demo_tenant_is_the_same_the_second_time(key_file: Path) -> None:
    first, second = ensure_demo_tenant(), ensure_demo_tenant()
    assert second == first
    assert Tenant.objects.filter(slug="demo").count() == 1
    assert ApiKey.across_tenants.filter(tenant=first.tenant).count() == 1
    assert key_file.read_text().strip() == first.key


def test_ensure_demo_tenant_keeps_its_key_from_others(key_file: Path) -> None:
    ensure_demo_tenant()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_ensure_demo_tenant_narrows_a_file_that_others_could_read(key_file: Path) -> None:
    key_file.parent.mkdir(parents=True)
    key_file.write_text("vtr_old")
    key_file.chmod(0o644)
    ensure_demo_tenant()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_ensure_demo_tenant_renews_a_key_that_opens_nothing(key_file: Path) -> None:
    first = ensure_demo_tenant()
    revoke_key(key=authenticate_key(plaintext=first.key), even_last=True)
    second = ensure_demo_tenant()
    assert second.key != first.key
    assert second.tenant == first.tenant
    assert authenticate_key(plaintext=second.key).tenant == first.tenant


def test_ensure_demo_tenant_renews_the_key_of_another_database(key_file: Path) -> None:
    key_file.parent.mkdir(parents=True)
    key_file.write_text("vtr_aaaaaaaaaa_" + "A" * 40)
    assert authenticate_key(plaintext=ensure_demo_tenant().key).tenant.slug == "demo"


def test_demokey_prints_the_key_and_nothing_else(key_file: Path) -> None:
    assert run("demokey") == key_file.read_text().strip() == run("demokey")


def test_createtenant_prints_a_first_key_that_opens_everything(db: None) -> None:
    key = authenticate_key(plaintext=run("createtenant", "acme", "--name", "Acme Ltd"))
    assert (key.tenant.slug, key.tenant.name) == ("acme", "Acme Ltd")
    assert set(key.scopes) == set(Scope.values)


def test_createtenant_names_the_shop_by_its_slug_when_told_no_name(db: None) -> None:
    assert authenticate_key(plaintext=run("createtenant", "acme")).tenant.name == "acme"


def test_createtenant_refuses_a_slug_that_is_taken(db: None) -> None:
    run("createtenant", "acme")
    with pytest.raises(CommandError, match="There is a tenant 'acme' already"):
        run("createtenant", "acme")
    assert Tenant.objects.filter(slug="acme").count() == 1


@pytest.mark.parametrize("slug", ["has space", "", "x" * 51, "ümlaut", "a/b", "nul\x00"])
def test_createtenant_refuses_what_is_no_slug(db: None, slug: str) -> None:
    with pytest.raises(CommandError, match="slug"):
        run("createtenant", slug)
    assert not Tenant.objects.filter(slug=slug.replace("\x00", "")).exists()


def test_createkey_prints_a_key_with_the_scopes_asked_for(db: None) -> None:
    run("createtenant", "acme")
    key = authenticate_key(plaintext=run("createkey", "acme", "--name", "till", "--scopes", "recognize"))
    assert (key.name, key.scopes, key.tenant.slug) == ("till", ["recognize"], "acme")


def test_createkey_refuses_an_unknown_tenant_and_scope(db: None) -> None:
    with pytest.raises(CommandError, match="No tenant 'nobody'"):
        run("createkey", "nobody")
    run("createtenant", "acme")
    with pytest.raises(CommandError, match="invalid choice: 'everything'"):
        run("createkey", "acme", "--scopes", "everything")


def test_revokekey_ends_a_key_at_once(db: None) -> None:
    plaintext = run("createtenant", "acme").strip()

    said = run("revokekey", plaintext.split("_")[1])

    assert "is revoked" in said
    assert plaintext not in said
    with pytest.raises(KeyRejected, match="revoked"):
        authenticate_key(plaintext=plaintext)


def test_revokekey_names_an_unknown_prefix(db: None) -> None:
    with pytest.raises(CommandError, match="No key has the prefix 'nothing'"):
        run("revokekey", "nothing")
