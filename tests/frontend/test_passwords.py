"""How passwords are kept."""

import importlib

from django.contrib.auth.models import User
from django.test import override_settings


def test_passwords_are_hashed_by_argon2() -> None:
    with override_settings(PASSWORD_HASHERS=importlib.import_module("config.settings").PASSWORD_HASHERS):
        user = User()
        user.set_password("correct horse battery staple")
        assert user.password.startswith("argon2$argon2id$")
        assert user.check_password("correct horse battery staple")
        assert not user.check_password("correct horse battery")
