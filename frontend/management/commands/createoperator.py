import argparse
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.urls import reverse

from frontend.people import draft_person, store_person
from tenants.errors import Conflict


class Command(BaseCommand):
    """Make an account for somebody who runs the platform."""

    help = "Create an operator of the platform and print the link to set the password (an hour, once)."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The person."""
        parser.add_argument("email")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Store the account without a password, print the link."""
        person = draft_person(options["email"].strip())
        person.is_staff = person.is_superuser = True
        person.set_unusable_password()
        try:
            validate_email(person.email)
            store_person(person)
        except (Conflict, ValidationError) as error:
            raise CommandError(error.message) from error
        key = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
        self.stdout.write(f"{settings.PUBLIC_URL}{reverse('account_reset_password_from_key', kwargs=key)}")
