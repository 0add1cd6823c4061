from typing import Any

from django.core.management.base import no_translations
from django.core.management.commands import migrate

from tenants.postgresql.roles import connected_as_owner, open_to_application


class Command(migrate.Command):
    """Django's, as the role that owns the tables; the role that serves gets its rights."""

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then grant."""
        with connected_as_owner():
            super().handle(*args, **options)
            open_to_application()
