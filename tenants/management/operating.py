"""Commands that the audit log knows who ran."""

from typing import Any

from django.core.management.base import BaseCommand

from tenants.domain.audit import acting_as, name_operator


class OperatorCommand(BaseCommand):
    """A command whose changes are recorded as those of whoever runs it."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it on behalf of the operator."""
        with acting_as(name_operator()):
            return super().execute(*args, **options)
