import argparse
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from tenants.domain.keys import issue_key
from tenants.errors import Conflict
from tenants.management.operating import OperatorCommand
from tenants.models import Tenant
from tenants.models.api_key import Scope


class Command(OperatorCommand):
    """Issue an API key to a shop."""

    help = "Issue an API key to a tenant and print it (shown once)."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The shop, the key's name and its scopes."""
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("--name", default="key")
        parser.add_argument("--scopes", nargs="+", choices=Scope.values, default=Scope.values)
        parser.add_argument(
            "--days", type=int, choices=range(1, 3651), metavar="DAYS", help="expire after so many"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find the shop, issue, print."""
        tenant = Tenant.objects.filter(slug=options["tenant"], deleted_at=None).first()
        if tenant is None:
            raise CommandError(f"No tenant {options['tenant']!r}.")
        scopes = [Scope(value) for value in options["scopes"]]
        expires_at = timezone.now() + timedelta(days=options["days"]) if options["days"] else None
        try:
            issued = issue_key(tenant=tenant, name=options["name"], scopes=scopes, expires_at=expires_at)
        except Conflict as error:
            raise CommandError(error.message) from error
        self.stdout.write(issued.plaintext)
