"""How django-allauth behaves here: accounts come by invitation, and what is tried is counted."""

import logging
from base64 import b64decode, b64encode
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext as _

from config.caller import read_caller_address
from jobs.errors import Unavailable
from tenants.domain.sealing import seal, unseal

_log = logging.getLogger(__name__)
# Stands for a caller without an address, as through a unix socket: IPv6's "unspecified".
_NOWHERE = "::"
_PHRASE = "second factors"


def name_person(user: Any) -> str:
    """What pages call somebody."""
    return str(user.email)


class AccountAdapter(DefaultAccountAdapter):
    """Accounts: no sign-up, one count of failures however the service is called, mails that may fail."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's name
        """Whoever comes was invited (see views.invitations)."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that failures are counted by, and that is shown in the list of sessions."""
        return read_caller_address(request) or _NOWHERE

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:  # noqa: ARG002 - allauth's names
        """By the account alone: allauth counts anew for each host name, and the caller chooses that."""
        return str(credentials.get("email", "")).lower()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send what somebody waits for. Raises `Unavailable` when the mail server does not take it."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:
            _log.exception("a mail (%s) could not be sent", template_prefix)
            message = _("The mail server is away. Try again in a few minutes.")
            raise Unavailable(message, code="mail_away", retry_after=60) from error

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Tell somebody what was changed. It is changed by then, mail or no mail: the failure is logged."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except Unavailable:
            _log.warning("the account was changed all the same")


class MfaAdapter(DefaultMFAAdapter):
    """Second factors: their secrets lie encrypted in the database."""

    def encrypt(self, text: str) -> str:
        """Under SECRET_KEY."""
        return b64encode(seal(text.encode(), phrase=_PHRASE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The inverse, also with SECRET_KEY_FALLBACKS."""
        return unseal(b64decode(encrypted_text), phrase=_PHRASE).decode()

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        """What the authenticator app calls the account."""
        return name_person(user)
