"""docs/operations.md against the code."""

import re

import pytest

from tests.deploy.compose import COMPOSE, ROOT, Service
from tests.deploy.settings_variables import find_settings_variables

GUIDE = (ROOT / "docs" / "operations.md").read_text()
_ROWS = {row[0]: row[1] for row in re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \|", GUIDE, re.MULTILINE)}


def test_guide_has_a_row_for_each_variable_that_settings_reads() -> None:
    assert find_settings_variables() <= set(_ROWS)


def test_guide_has_a_row_for_each_variable_of_the_compose_file() -> None:
    assert set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text())) <= set(_ROWS)


def test_guide_has_no_row_for_a_variable_that_nothing_reads() -> None:
    known = find_settings_variables() | set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    assert set(_ROWS) <= known


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("RECOGNIZE_TIMEOUT_S", "10"),
        ("RECOGNIZE_QUEUE_LIMIT", "32"),
        ("RECOGNIZE_WAIT_MS", "1000"),
        ("RATE_LIMIT_KEY_PERCENT", "50"),
        ("RATE_LIMIT_BURST_S", "60"),
        ("INDEX_SLICE_S", "10"),
        ("INDEX_SLICE_MAX_S", "60"),
        ("INDEX_BATCH", "16"),
        ("MAX_IMAGE_BYTES", "20 * 2**20"),
        ("MAX_BODY_BYTES", "200 * 2**20"),
        ("MAX_IMAGES_PER_REQUEST", "100"),
        ("UPLOAD_MAX_BYTES", "20 * 2**30"),
        ("UPLOAD_CHUNK_BYTES", "16 * 2**20"),
        ("UPLOAD_KEEP_DAYS", "7"),
    ],
)
def test_guide_states_the_default_that_settings_has(name: str, expression: str) -> None:
    source = (ROOT / "platform" / "config" / "settings.py").read_text()
    assert f'read_number("{name}", {expression})' in source
    stated = _ROWS[name].strip().removesuffix(" MiB").removesuffix(" GiB").strip("`")
    assert stated == expression.removesuffix(" * 2**20").removesuffix(" * 2**30")


def test_guide_writes_exactly_the_secrets_that_the_compose_file_requires(variables: dict[str, str]) -> None:
    required = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE.read_text()))
    assert set(variables) == required


def test_guide_names_management_commands_that_exist() -> None:
    named = set(re.findall(r"manage\.py ([a-z]+)", GUIDE)) - {"migrate", "check", "shell"}
    for command in named:
        assert list(ROOT.glob(f"[!.v]*/**/management/commands/{command}.py")), command
    assert {"createtenant", "createkey"} <= named


def test_guide_names_each_service(services: dict[str, Service]) -> None:
    for name in services:
        assert f"`{name}`" in GUIDE, name
