import argparse
from typing import Any

from django.core.management.base import CommandError

from tenants.domain.keys import issue_key
from tenants.domain.tenants import create_tenant
from tenants.errors import Conflict, InvalidTenant
from tenants.management.operating import OperatorCommand
from tenants.models.api_key import Scope


class Command(OperatorCommand):
    """Create a shop and print its first API key."""

    help = "Create a tenant and print its first API key (shown once)."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Slug and name of the shop."""
        parser.add_argument("slug")
        parser.add_argument("--name", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create, issue, print."""
        slug = options["slug"]
        try:
            tenant = create_tenant(slug=slug, name=options["name"] or slug)
        except Conflict as error:
            raise CommandError(f"{error.message} See `manage.py createkey`.") from error
        except InvalidTenant as error:
            raise CommandError(error.message) from error
        self.stdout.write(issue_key(tenant=tenant, name="first key", scopes=list(Scope)).plaintext)
