import argparse
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email

from tenants.domain.invitations import invite_person
from tenants.domain.roles import Role
from tenants.errors import Conflict
from tenants.management.operating import OperatorCommand
from tenants.models import Tenant


class Command(OperatorCommand):
    """Invite a person to a shop. This is how a shop comes by its first owner."""

    help = "Invite a person to a tenant by mail: as its owner, unless another role is named."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The shop, the person and the role."""
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("email")
        parser.add_argument("--role", choices=Role.values, default=Role.OWNER)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find the shop, invite; a worker sends the mail."""
        tenant = Tenant.objects.filter(slug=options["tenant"], deleted_at=None).first()
        if tenant is None:
            raise CommandError(f"No tenant {options['tenant']!r}.")
        try:
            validate_email(options["email"])
            made = invite_person(
                tenant=tenant, email=options["email"], role=options["role"], giver=Role.OWNER
            )
        except ValidationError as error:
            raise CommandError(f"{options['email']!r} is no e-mail address.") from error
        except Conflict as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{made.email} is invited as {made.role}; a worker sends the mail.")
