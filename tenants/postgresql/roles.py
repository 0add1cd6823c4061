"""The two roles: one that owns the tables and migrates, one that serves and owns nothing."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db import connection as default_connection
from psycopg import sql

_log = logging.getLogger(__name__)
_OWNERS_OWN = ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
# A membership counts as owning: SET ROLE is open to it.
_STANDING = """
SELECT rolname, rolsuper OR rolbypassrls, EXISTS (
    SELECT FROM pg_class
     WHERE relrowsecurity AND relnamespace = to_regnamespace(current_schema())
       AND pg_has_role(current_user, relowner, 'MEMBER')
) FROM pg_roles WHERE rolname = current_user
"""
_MAKE = "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}"
_GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
)


def refuse_role_above_walls(connection: "psycopg.Connection[Any]") -> None:
    """Raise `ImproperlyConfigured` when row-level security does not hold the connection's role."""
    with psycopg.Cursor(connection) as cursor:
        found = cursor.execute(_STANDING).fetchone()
    role, is_above, is_owner = found or ("?", True, True)
    if is_above or is_owner:
        what = "is a superuser or has BYPASSRLS" if is_above else "owns the tables"
        raise ImproperlyConfigured(
            f"DATABASE_URL: the role {role!r} {what}, so PostgreSQL would not keep tenants apart. Put it "
            "into DATABASE_OWNER_URL, which only `manage.py migrate` uses, and name another role in "
            "DATABASE_URL; `manage.py migrate` makes it."
        )


def check_role_that_serves() -> None:
    """Raise as `refuse_role_above_walls` at the start; a database that is away is asked when it is back."""
    try:
        default_connection.ensure_connection()
    except OperationalError:
        _log.warning("the database is away")
    finally:
        default_connection.close()


@contextmanager
def connected_as_owner() -> Iterator[None]:
    """Connect as the owner of DATABASE_OWNER_URL within the block; as ever, where that is not set."""
    settings = default_connection.settings_dict
    kept = {name: settings.get(name) for name in (*_OWNERS_OWN, "AS_OWNER")}
    owner = settings["OWNER"] or {}
    _drop_connections()
    settings.update({name: owner[name] for name in _OWNERS_OWN if name in owner}, AS_OWNER=True)
    try:
        yield
    finally:
        _drop_connections()
        settings.update(kept)


def open_to_application() -> None:
    """As the owner: make the role that serves, if there is none, and grant it what it needs and no more."""
    settings = default_connection.settings_dict
    role = settings["APPLICATION"]["USER"]
    if not settings["OWNER"] or role == settings["OWNER"]["USER"]:
        return
    with default_connection.cursor() as cursor:
        make_role(cursor.connection, role, settings["APPLICATION"]["PASSWORD"])
        cursor.execute("SELECT current_schema()")
        names = {"schema": sql.Identifier(cursor.fetchone()[0]), "role": sql.Identifier(role)}
        for grant in _GRANTS:
            cursor.execute(sql.SQL(grant).format(**names))


def make_role(connection: "psycopg.Connection[Any]", role: str, password: str) -> None:
    """Make the role that serves, if there is none. Raises `ImproperlyConfigured` when the owner may not."""
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
        return
    # Hashed here, so that no log of statements holds the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode()).decode()
    try:
        connection.execute(sql.SQL(_MAKE).format(sql.Identifier(role), sql.Literal(verifier)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise ImproperlyConfigured(
            f"There is no role {role!r}, which DATABASE_URL names, and the owner may not make it. As a "
            f"superuser: CREATE ROLE {role} LOGIN PASSWORD '…';"
        ) from error


def _drop_connections() -> None:
    default_connection.close()
    default_connection.close_pool()  # type: ignore[attr-defined]  # the stubs lack it
