"""Accounts of people."""

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tenants.errors import Conflict
from tenants.models.identifiers import new_id


def draft_person(email: str) -> User:
    """An account that is not stored yet. People sign in by address, so the user name says nothing."""
    return User(username=str(new_id()), email=email.lower())


def has_account(email: str) -> bool:
    """Whether somebody signs in with this address."""
    confirmed = EmailAddress.objects.filter(email=email.lower(), verified=True)
    return confirmed.exists() or get_user_model().objects.filter(email__iexact=email).exists()


def owns_address(user: User, email: str) -> bool:
    """Whether the address is one that this person has shown to be theirs."""
    return EmailAddress.objects.filter(user=user, email=email.lower(), verified=True).exists()


def store_person(user: User) -> None:
    """Keep a new account; who calls has seen proof that the address is theirs. Raises `Conflict`."""
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    except IntegrityError as error:
        raise Conflict(f"{user.email} has an account already.", code="email_taken") from error
