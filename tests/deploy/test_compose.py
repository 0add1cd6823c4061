"""docker-compose.yml against the schema, the Procfile, the Dockerfile, and what reads its variables."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.compose import (
    COMPOSE,
    DOCKERFILE,
    ROOT,
    Service,
    VariableMissing,
    interpolate_text,
    read_services,
)
from tests.deploy.image import is_in_image
from tests.deploy.settings_variables import find_settings_variables

OURS = ("web", "recognize", "bulk", "webhooks", "beat", "migrate")
# Read by the images of others, or by programs that our image runs.
FOREIGN = {
    "web": {"GUNICORN_CMD_ARGS"},
    "postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"},
    "valkey": {"REDISCLI_AUTH"},
    "milvus": {
        "ETCD_ENDPOINTS",
        "MINIO_ADDRESS",
        "MINIO_REGION",
        "MINIO_BUCKET_NAME",
        "MINIO_ACCESS_KEY_ID",
        "MINIO_SECRET_ACCESS_KEY",
        "MQ_TYPE",
        "COMMON_SECURITY_AUTHORIZATIONENABLED",
        "COMMON_SECURITY_DEFAULTROOTPASSWORD",
    },
    "etcd": {
        "ALLOW_NONE_AUTHENTICATION",
        "ETCD_ADVERTISE_CLIENT_URLS",
        "ETCD_LISTEN_CLIENT_URLS",
        "ETCD_AUTO_COMPACTION_MODE",
        "ETCD_AUTO_COMPACTION_RETENTION",
        "ETCD_QUOTA_BACKEND_BYTES",
        "ETCD_SNAPSHOT_COUNT",
    },
    "minio": {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_REGION", "MINIO_BROWSER"},
    "buckets": {"MC_CONFIG_DIR", "MINIO_ROOT_PASSWORD", "MEDIA_SECRET_KEY", "MILVUS_STORAGE_SECRET"},
}


def test_compose_file_follows_the_compose_schema() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"
    argv = [str(checker), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$SET ${SET}", "value value"),
        ("${SET:-other} ${SET-other}", "value value"),
        ("${EMPTY:-other}|${EMPTY-other}", "other|"),
        ("${UNSET:-other}|${UNSET-other}|${UNSET:-}", "other|other|"),
        ("${SET:+other}|${EMPTY:+other}|${EMPTY+other}|${UNSET+other}", "other||other|"),
        ("${SET:?message} ${EMPTY?message}", "value "),
        ("$$SET $${SET}", "$SET ${SET}"),
        ("${UNSET}", ""),
    ],
)
def test_interpolation_follows_compose(text: str, expected: str) -> None:
    assert interpolate_text(text, {"SET": "value", "EMPTY": ""}) == expected


@pytest.mark.parametrize("text", ["${UNSET:?set it}", "${UNSET?set it}", "${EMPTY:?set it}"])
def test_interpolation_refuses_a_missing_variable_with_the_message(text: str) -> None:
    with pytest.raises(VariableMissing, match="set it"):
        interpolate_text(text, {"EMPTY": ""})


@pytest.mark.parametrize("text", ["${A:-${B}}", "$", "${a-b", "${1}"])
def test_interpolation_refuses_what_it_does_not_understand(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        interpolate_text(text, {})


def test_compose_file_requires_each_secret_by_name(variables: dict[str, str]) -> None:
    assert len(set(variables.values())) == len(variables)
    for name in variables:
        with pytest.raises(VariableMissing, match=name):
            read_services({key: value for key, value in variables.items() if key != name})


def test_compose_file_holds_no_secret_of_its_own(
    services: dict[str, Service], variables: dict[str, str]
) -> None:
    for service in services.values():
        for name, value in service.environment.items():
            # Empty: what the operator need not have, such as a mail server's password.
            if value and re.search(r"PASSWORD|SECRET|TOKEN|AUTH$", name):
                assert any(secret in value for secret in variables.values()), f"{service.name}: {name}"


def test_compose_variables_are_all_read_by_something(services: dict[str, Service]) -> None:
    known = find_settings_variables()
    for service in services.values():
        read = FOREIGN.get(service.name, set()) | (known if service.name in OURS else set())
        assert set(service.environment) <= read, service.name


def test_compose_file_publishes_only_the_web_port_on_loopback(services: dict[str, Service]) -> None:
    published = {
        name: service.settings["ports"] for name, service in services.items() if "ports" in service.settings
    }
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_compose_services_have_a_memory_limit_and_a_restart_policy(services: dict[str, Service]) -> None:
    for service in services.values():
        assert service.settings["deploy"]["resources"]["limits"]["memory"], service.name
        assert service.settings["restart"] in {"unless-stopped", "on-failure"}, service.name


def test_compose_services_wait_for_services_that_exist_and_can_become_ready(
    services: dict[str, Service],
) -> None:
    for service in services.values():
        for name, need in service.settings.get("depends_on", {}).items():
            if need["condition"] == "service_healthy":
                assert "test" in services[name].settings["healthcheck"], name
            else:
                assert need["condition"] == "service_completed_successfully"
                assert services[name].settings["restart"] == "on-failure", name


def test_compose_commands_are_those_of_the_procfile(services: dict[str, Service]) -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    procfile = dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    expected = procfile | {
        "web": procfile["web"].replace("127.0.0.1:$PORT", "0.0.0.0:8000"),
        "beat": f"sh -c exec {procfile['beat']}",
        "migrate": procfile["release"],
    }
    del expected["release"]
    assert {name: " ".join(services[name].argv) for name in OURS} == expected


def test_image_runs_the_web_server_by_default(services: dict[str, Service]) -> None:
    command = DOCKERFILE.read_text().rpartition("\nCMD ")[2]
    assert re.findall(r'"([^"]*)"', command) == list(services["web"].argv)


def test_image_holds_the_code_and_no_secret_data_or_test() -> None:
    for path in ("manage.py", "platform/config/settings.py", "tenants/models/tenant.py", "workers/app.py"):
        assert is_in_image(ROOT / path), path
    for path in (".env", ".git/config", "var/secrets.json", "tests/deploy/compose.py", ".venv/bin/python"):
        assert not is_in_image(ROOT / path), path


@pytest.mark.parametrize("path", [COMPOSE, DOCKERFILE], ids=lambda path: path.name)
def test_images_are_pinned_and_named_without_a_registry(path: Path, services: dict[str, Service]) -> None:
    named = re.findall(r"^(?:\s+image:|FROM) (\S+)", path.read_text(), re.MULTILINE)
    for image in named:
        repository, _, tag = image.partition(":")
        assert tag, image
        assert tag != "latest", image
        # A registry is told from a user's name by its dot.
        assert "." not in repository.split("/")[0], image
    assert len(named) >= 2
