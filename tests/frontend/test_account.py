"""What people do with their own account."""

import re
import time
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from tests.frontend.conftest import PASSWORD, People, sign_in

NEW = "a quite different phrase"


def read_link(number: int = -1) -> str:
    """The address in a mail, without the host."""
    found = re.search(r"https?://[^/\s]+(/\S+)", str(mail.outbox[number].body))
    assert found, mail.outbox[number].body
    return found[1]


def show_code(secret: str, later: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))


def confirm(browser: Client) -> None:
    """Say the password once more, as account pages ask."""
    answer = browser.post("/account/reauthenticate/", {"password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()


def turn_on_totp(browser: Client) -> str:
    """Set an authenticator app up as a person would; its secret."""
    confirm(browser)
    page = browser.get("/account/2fa/totp/activate/").content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    found = re.search(r'value="([A-Z2-7]{32})"', page)
    assert found, page
    answer = browser.post("/account/2fa/totp/activate/", {"code": show_code(found[1], -1)})
    assert answer.status_code == 302, answer.content.decode()
    return found[1]


def test_password_is_reset_by_mail_and_ends_all_sessions(people: People) -> None:
    stranger = Client()
    stranger.post("/account/password/reset/", {"email": "alice@acme.example"})
    assert mail.outbox[-1].to == ["alice@acme.example"]
    form = stranger.get(read_link())["Location"]
    answer = stranger.post(form, {"password1": NEW, "password2": NEW})
    assert answer.status_code == 302
    assert people.alice.browser.get("/").status_code == 302
    assert people.vera.browser.get("/").status_code == 200
    refused = Client().post("/account/login/", {"login": "alice@acme.example", "password": PASSWORD})
    assert refused.status_code == 200
    accepted = Client().post("/account/login/", {"login": "alice@acme.example", "password": NEW})
    assert accepted.status_code == 302
    assert "Bad Token" in Client().get(read_link(0), follow=True).content.decode()


def test_reset_answers_the_same_for_people_we_do_not_know(people: People) -> None:
    answers = [
        Client().post("/account/password/reset/", {"email": email})
        for email in ("alice@acme.example", "nobody@acme.example")
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, "/account/password/reset/done/")
    }
    assert [message.to[0] for message in mail.outbox[-2:]] == ["alice@acme.example", "nobody@acme.example"]
    assert "There is no account" in mail.outbox[-1].body
    assert "signup" not in mail.outbox[-1].body


def test_reset_unlocks_an_account_that_somebody_guesses_at(people: People) -> None:
    for _ in range(6):
        Client().post("/account/login/", {"login": "alice@acme.example", "password": "wrong"})
    stranger = Client()
    stranger.post("/account/password/reset/", {"email": "alice@acme.example"})
    stranger.post(stranger.get(read_link())["Location"], {"password1": NEW, "password2": NEW})
    accepted = Client().post("/account/login/", {"login": "alice@acme.example", "password": NEW})
    assert accepted.status_code == 302


def test_mail_server_that_is_away_is_said_so(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang_up(*_args: Any) -> None:
        raise SMTPServerDisconnected("gone")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", hang_up)
    answer = Client().post("/account/password/reset/", {"email": "alice@acme.example"})
    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert "The mail server is away" in answer.content.decode()
    changed = people.alice.browser.post(
        "/account/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    )
    assert changed.status_code == 302


def test_password_change_ends_the_other_sessions_and_is_told_by_mail(people: People) -> None:
    other = sign_in("alice@acme.example")
    answer = people.alice.browser.post(
        "/account/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    )
    assert answer.status_code == 302
    assert people.alice.browser.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert "password has been changed" in mail.outbox[-1].body


def test_address_changes_only_once_it_is_shown_to_be_theirs(people: People) -> None:
    browser = people.alice.browser
    wanted = {"email": "alice@new.example", "action_add": ""}
    assert browser.post("/account/email/", wanted)["Location"].startswith("/account/reauthenticate/")
    assert not mail.outbox, "the password comes first"
    confirm(browser)
    browser.post("/account/email/", wanted)
    assert mail.outbox[-1].to == ["alice@new.example"]
    assert "alice@new.example" in browser.get("/account/email/").content.decode()
    assert User.objects.get(pk=people.alice.user.pk).email == "alice@acme.example"
    link = read_link()
    assert browser.get(link).status_code == 200
    browser.post(link)
    assert User.objects.get(pk=people.alice.user.pk).email == "alice@new.example"
    addresses = EmailAddress.objects.filter(user=people.alice.user)
    assert [(address.email, address.verified) for address in addresses] == [("alice@new.example", True)]


def test_address_of_somebody_else_cannot_be_taken(people: People) -> None:
    confirm(people.gus.browser)
    people.gus.browser.post("/account/email/", {"email": "alice@acme.example", "action_add": ""})
    verified = EmailAddress.objects.filter(email="alice@acme.example", verified=True)
    assert verified.get().user == people.alice.user
    assert User.objects.get(pk=people.gus.user.pk).email == "gus@globex.example"


def test_second_factor_is_asked_for_and_a_recovery_code_stands_in_once(people: People) -> None:
    secret = turn_on_totp(people.alice.browser)
    codes = people.alice.browser.get("/account/2fa/recovery-codes/").content.decode()
    recovery = re.findall(r"<li><code>(\w+)</code>", codes)
    assert len(recovery) == 10

    for code in (show_code(secret), recovery[0]):
        browser = Client()
        asked = browser.post("/account/login/", {"login": "alice@acme.example", "password": PASSWORD})
        assert asked["Location"] == "/account/2fa/authenticate/"
        assert browser.get("/").status_code == 302, "not in yet"
        assert browser.post("/account/2fa/authenticate/", {"code": code})["Location"] == "/"
        assert browser.get("/").status_code == 200

    for used in (show_code(secret), recovery[0]):
        browser = Client()
        browser.post("/account/login/", {"login": "alice@acme.example", "password": PASSWORD})
        again = browser.post("/account/2fa/authenticate/", {"code": used})
        assert "Incorrect code" in again.content.decode()


def test_guessing_codes_is_limited(people: People) -> None:
    secret = turn_on_totp(people.alice.browser)
    browser = Client()
    browser.post("/account/login/", {"login": "alice@acme.example", "password": PASSWORD})
    for _ in range(5):
        assert "Incorrect" in browser.post("/account/2fa/authenticate/", {"code": "000000"}).content.decode()
    refused = browser.post("/account/2fa/authenticate/", {"code": show_code(secret)})
    assert refused.status_code == 200
    assert browser.get("/").status_code == 302


def test_second_factor_lies_encrypted_in_the_database(people: People) -> None:
    secret = turn_on_totp(people.alice.browser)
    rows = Authenticator.objects.filter(user=people.alice.user)
    assert rows.count() == 2
    assert secret not in str([row.data for row in rows])


def test_second_factor_is_removed_by_who_has_just_signed_in(people: People) -> None:
    turn_on_totp(people.alice.browser)
    assert people.alice.browser.post("/account/2fa/totp/deactivate/").status_code == 302
    assert not Authenticator.objects.filter(user=people.alice.user).exists()
    assert "deactivated" in mail.outbox[-1].body


def test_other_sessions_are_listed_and_ended(people: People) -> None:
    other = Client(REMOTE_ADDR="198.51.100.23", headers={"User-Agent": "Telephone"})
    other.post("/account/login/", {"login": "alice@acme.example", "password": PASSWORD})
    page = people.alice.browser.get("/account/sessions/").content.decode()
    assert "198.51.100.23" in page
    assert "Telephone" in page
    assert "gus" not in page
    people.alice.browser.post("/account/sessions/")
    assert other.get("/").status_code == 302
    assert people.alice.browser.get("/").status_code == 200
    assert people.gus.browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "path", ["email/", "password/change/", "2fa/", "2fa/recovery-codes/", "sessions/", "2fa/totp/activate/"]
)
def test_account_pages_are_for_people_who_signed_in(db: None, path: str) -> None:
    answer = Client().get(f"/account/{path}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/")
