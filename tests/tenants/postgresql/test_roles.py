"""Who serves is bound by the wall, and may do to the database what serving takes and no more."""

import getpass
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connection, transaction

from tenants.postgresql.base import DatabaseWrapper
from tenants.postgresql.roles import make_role, refuse_role_above_walls
from tests.tenants.postgresql.tables import ask, change, name_table, walled_models

pytestmark = pytest.mark.django_db
FORBIDDEN = {
    "lower the wall": "ALTER TABLE tenants_gallery DISABLE ROW LEVEL SECURITY",
    "drop a policy": "DROP POLICY own_tenant ON tenants_gallery",
    "step round it": "SET ROLE {owner}",
    "make a table": "CREATE TABLE of_mine (id int)",
    "empty a table": "TRUNCATE tenants_gallery CASCADE",
    "forget a migration": "DELETE FROM django_migrations",
    "make a role": "CREATE ROLE mine SUPERUSER",
}


@pytest.fixture
def superuser() -> Iterator["psycopg.Connection[Any]"]:
    """The local stack lets whoever runs it in as `postgres`; nothing that is done here stays."""
    given = connection.settings_dict
    where = {"host": given["HOST"], "dbname": given["NAME"], "user": "postgres"}
    try:
        opened = psycopg.connect(**where)
    except psycopg.OperationalError:
        pytest.skip(f"this server does not let {getpass.getuser()} in as its superuser")
    with opened:
        yield opened
        opened.rollback()


def test_tests_run_as_the_role_that_serves() -> None:
    assert ask(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    ) == [(False,) * 4]
    owned = "SELECT count(*) FROM pg_class WHERE pg_has_role(current_user, relowner, 'MEMBER')"
    assert ask(owned) == [(0,)]


@pytest.mark.parametrize("model", walled_models(), ids=name_table)
def test_wall_counts_for_the_role_that_serves(model: Any) -> None:
    assert ask("SELECT row_security_active(%s)", name_table(model)) == [(True,)]


@pytest.mark.parametrize("sql", FORBIDDEN.values(), ids=FORBIDDEN)
def test_role_that_serves_may_not(sql: str) -> None:
    owner = connection.settings_dict["OWNER"]["USER"]
    with pytest.raises(ProgrammingError), transaction.atomic():
        change(sql.format(owner=owner))


def test_owner_is_refused_as_the_role_that_serves() -> None:
    settings = connection.settings_dict
    owner = {name: settings["OWNER"][name] for name in ("USER", "PASSWORD")}
    wrapper = DatabaseWrapper({**settings, **owner, "OPTIONS": {}}, "refused")
    with pytest.raises(ImproperlyConfigured, match=r"owns the tables.*DATABASE_OWNER_URL"):
        wrapper.ensure_connection()
    assert wrapper.connection is None


def test_superuser_is_refused_as_the_role_that_serves(superuser: "psycopg.Connection[Any]") -> None:
    with pytest.raises(ImproperlyConfigured, match="'postgres' is a superuser"):
        refuse_role_above_walls(superuser)
    for power in ("BYPASSRLS", "NOBYPASSRLS IN ROLE pg_read_all_data"):
        superuser.execute(f"CREATE ROLE serving {power}")
        superuser.execute("SET LOCAL ROLE serving")
        if "NO" in power:
            refuse_role_above_walls(superuser)
        else:
            with pytest.raises(ImproperlyConfigured, match="BYPASSRLS"):
                refuse_role_above_walls(superuser)
        superuser.rollback()


def test_missing_role_is_made_bound_and_with_its_password_hashed(
    superuser: "psycopg.Connection[Any]",
) -> None:
    make_role(superuser, "serving", "shop's secret")
    made = superuser.execute(
        "SELECT rolsuper, rolbypassrls, rolcanlogin, rolpassword FROM pg_authid WHERE rolname = 'serving'"
    ).fetchone()
    assert made is not None
    assert made[:3] == (False, False, True)
    assert made[3].startswith("SCRAM-SHA-256$")


def test_missing_role_that_the_owner_may_not_make_is_said() -> None:
    owner, given = connection.settings_dict["OWNER"], connection.settings_dict
    where = {"host": owner["HOST"], "port": owner["PORT"] or None, "dbname": given["NAME"]}
    with psycopg.connect(**where, user=owner["USER"], password=owner["PASSWORD"]) as opened:
        if opened.execute("SELECT FROM pg_roles WHERE rolname = current_user AND rolcreaterole").rowcount:
            pytest.skip("this server's owner may make roles")
        with pytest.raises(ImproperlyConfigured, match="CREATE ROLE serving LOGIN"):
            make_role(opened, "serving", "x")
