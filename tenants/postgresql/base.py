"""Django's database backend for PostgreSQL behind the second wall (`DATABASES["default"]["ENGINE"]`)."""

from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import register_tzloader

from tenants.postgresql.cursors import ScopedCursor, ScopedServerSideCursor
from tenants.postgresql.roles import refuse_role_above_walls


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose statements carry the tenant's scope, as a role that row-level security binds."""

    _bound_role: tuple[str, str] | None = None

    def get_connection_params(self) -> dict[str, Any]:
        """Django's, with our cursors."""
        return {**super().get_connection_params(), "cursor_factory": ScopedCursor}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection. Raises `ImproperlyConfigured` for a role that the walls do not hold."""
        connection = super().get_new_connection(conn_params)
        served = (self.settings_dict["HOST"], self.settings_dict["USER"])
        if not self.settings_dict.get("AS_OWNER") and DatabaseWrapper._bound_role != served:
            try:
                refuse_role_above_walls(connection)
            except BaseException:
                (self.pool.putconn if self.pool else type(connection).close)(connection)
                raise
            DatabaseWrapper._bound_role = served
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor of ours; with a name, one in the server."""
        if not name:
            return super().create_cursor()
        connection = self.connection
        held = connection.autocommit
        cursor = ScopedServerSideCursor(connection, name=name, scrollable=False, withhold=held)
        register_tzloader(self.timezone, cursor)
        return cursor
