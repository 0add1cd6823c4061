import argparse
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse

from tenants.domain.invitations import draw_token, hash_token, invite_person, list_pending
from tenants.domain.roles import Role
from tenants.errors import Conflict
from tenants.management.operating import OperatorCommand
from tenants.models import Invitation, Tenant
from tenants.scope import tenant_scope


class Command(OperatorCommand):
    """Let a shop's owner in by a link that is handed over, where no mail is to be sent."""

    help = "Print a link that makes this person an owner of the tenant. `invitemember` mails one instead."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The shop and the person."""
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("email")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find the shop, invite, print. Said again, it prints another link, and the one before ends."""
        tenant = Tenant.objects.filter(slug=options["tenant"], deleted_at=None).first()
        if tenant is None:
            raise CommandError(f"No tenant {options['tenant']!r}.")
        email = options["email"].strip().lower()
        try:
            validate_email(email)
            with tenant_scope(tenant.pk), transaction.atomic():
                token = _take_token(_invite_owner(tenant, email))
        except ValidationError as error:
            raise CommandError(f"{email!r} is no e-mail address.") from error
        except Conflict as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{settings.PUBLIC_URL}{reverse('invitation', args=[token])}")


def _invite_owner(tenant: Tenant, email: str) -> Invitation:
    open_one = list_pending().filter(email=email, role=Role.OWNER).first()
    return open_one or invite_person(tenant=tenant, email=email, role=Role.OWNER, giver=Role.OWNER)


def _take_token(invitation: Invitation) -> str:
    """The token of the link, which takes the place of the mail's."""
    token = draw_token()
    Invitation.objects.filter(pk=invitation.pk).update(token_hash=hash_token(token), mail_due_at=None)
    return token
