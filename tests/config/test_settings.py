"""What a start with a given environment does, each in a Python of its own."""

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from pytest_django import Settings

from config.checks import check_environment, check_mail
from stack.procfile import process_environment

ROOT = Path(__file__).resolve().parents[2]


def run_python(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = process_environment(variables, ROOT)
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_platform_module_is_the_standard_one() -> None:
    assert Path(platform.__file__).parent == Path(sysconfig.get_path("stdlib"))
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_platform_module_is_the_standard_one_in_a_fresh_python_at_the_root() -> None:
    answer = run_python("-c", "import platform, config; print(platform.__file__); print(platform.system())")
    assert answer.stdout.split()[0].startswith(sysconfig.get_path("stdlib")), answer.stderr


def test_manage_check_is_clean() -> None:
    answer = run_python("manage.py", "check", "--fail-level", "WARNING")
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


def test_migrations_are_complete() -> None:
    answer = run_python("manage.py", "makemigrations", "--check", "--dry-run")
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "MILVUS_URI", "SECRET_KEY"])
def test_check_environment_names_a_missing_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert check_environment() == []
    monkeypatch.delenv(name)
    (found,) = check_environment()
    assert found.msg == f"{name} is not set."
    assert found.hint is not None
    assert "python -m stack run" in found.hint
    monkeypatch.setenv(f"{name}_FILE", "/run/secrets/x")
    assert check_environment() == []


def test_deployment_without_a_mail_server_is_warned_of(settings: Settings) -> None:
    (found,) = check_mail()
    assert "nobody gets them" in found.msg
    settings.EMAIL_HOST = "mail.example.com"
    assert check_mail() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "nonsense://x"),
        ("INFERENCE_PROVIDER", "gpu"),
        ("MAX_IMAGE_BYTES", "20MB"),
        ("BEHIND_TLS_PROXY", "maybe"),
        ("IMPORT_URLS", "ftp"),
        ("OUTBOUND_CA_BUNDLE", "/nowhere/authorities.pem"),
    ],
)
def test_start_with_an_unreadable_variable_stops_and_names_it(name: str, value: str) -> None:
    answer = run_python("manage.py", "check", **{name: value})
    assert answer.returncode != 0
    assert name in answer.stderr.splitlines()[-1]


def test_start_with_one_bucket_for_imports_and_photos_stops() -> None:
    """Whoever may put files there to be imported could replace the photos of others."""
    answer = run_python("manage.py", "check", MEDIA_BUCKET="vitrine", IMPORT_BUCKET="vitrine")
    assert answer.returncode != 0
    assert "IMPORT_BUCKET" in answer.stderr.splitlines()[-1]


def test_settings_take_no_secret_from_anywhere_but_the_environment() -> None:
    source = (ROOT / "platform" / "config" / "settings.py").read_text()
    assert os.environ["SECRET_KEY"] not in source
    assert 'SECRET_KEY = read_text("SECRET_KEY")' in source
