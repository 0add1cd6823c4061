"""The very commands of docker-compose.yml, with its environment, on the servers of this test session."""

import json
import time
from typing import Any

import httpx
import pytest
from botocore.client import BaseClient

from tests.deploy.conftest import BUCKET, Deployment
from tests.deploy.photo import draw_photo
from tests.deploy.processes import ProcessFailed, Running

pytestmark = pytest.mark.timeout(600)


def test_migrate_ends_with_every_migration_applied(migrated: Deployment) -> None:
    result = migrated.run("migrate", "python manage.py migrate --check")
    assert result.returncode == 0, result.stderr


def test_settings_of_the_deployment_pass_the_checks(migrated: Deployment) -> None:
    result = migrated.run("web", "python manage.py check --fail-level WARNING")
    assert result.returncode == 0, result.stderr


def test_web_answers_livez_and_with_a_worker_readyz(
    migrated: Deployment, running: dict[str, Running]
) -> None:
    running["web"].wait_answer(f"{migrated.url}/livez", status=200)
    running["recognize"].wait_log("is ready with")
    running["web"].wait_answer(f"{migrated.url}/readyz", status=200)


@pytest.mark.parametrize("name", ["recognize", "bulk", "webhooks"])
def test_worker_passes_its_health_check(migrated: Deployment, running: dict[str, Running], name: str) -> None:
    running[name].wait_log("is ready")
    result = migrated.probe_health(name)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 node online" in result.stdout


def test_health_check_fails_for_a_worker_that_is_not_there(migrated: Deployment) -> None:
    absent = migrated.run("bulk", "celery -A workers inspect ping --timeout 2 --destination bulk@nowhere")
    assert absent.returncode != 0


def test_beat_says_it_is_up_and_its_sweep_is_run_by_the_bulk_worker(
    migrated: Deployment, running: dict[str, Running]
) -> None:
    def count_sweeps() -> int:
        asked = migrated.run("bulk", "celery -A workers inspect stats --json --timeout 5")
        done = json.loads(asked.stdout) if asked.returncode == 0 else {}
        return sum(stats["total"].get("bulk.sweep", 0) for stats in done.values())

    running["beat"].wait_log("beat: Starting")
    running["beat"].wait_until(lambda: count_sweeps() > 0, what="followed by a sweep")


def test_photo_goes_through_the_deployment_and_is_recognised(
    migrated: Deployment, running: dict[str, Running], bucket: BaseClient
) -> None:
    running["web"].wait_answer(f"{migrated.url}/readyz", status=200)
    created = migrated.run("web", "python manage.py createtenant acme")
    assert created.returncode == 0, created.stderr
    headers = {"Authorization": f"Bearer {created.stdout.strip()}"}
    with httpx.Client(base_url=f"{migrated.url}/v1", headers=headers, timeout=30) as client:
        gallery = _expect(client.post("/galleries", json={"name": "Shelf"}), 202)
        path = f"/galleries/{gallery['id']}"
        _await_state(client, path, "ready", running)
        product = _expect(client.post(f"{path}/products", json={"sku": "tea-1", "title": "Tea"}), 201)
        photo = draw_photo()
        uploaded = _expect(
            client.post(f"{path}/products/{product['id']}/images", files={"images": ("tea.png", photo)}), 202
        )
        image = _await_state(client, f"{path}/images/{_image_id(uploaded)}", "indexed", running)
        answer = _expect(client.post(f"{path}/recognize", files={"image": ("query.png", photo)}), 200)
    assert answer["answer"]["product"]["sku"] == "tea-1"
    keys = [stored["Key"] for stored in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]]
    (key,) = [key for key in keys if image["id"] in key]
    assert bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read() == photo


def _expect(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


def _image_id(uploaded: dict[str, Any]) -> str:
    (result,) = uploaded["results"]
    found = result.get("id") or result["image"]["id"]
    assert isinstance(found, str)
    return found


def _await_state(client: httpx.Client, path: str, state: str, running: dict[str, Running]) -> dict[str, Any]:
    """Ask until the object is in the state; the object."""
    deadline = time.monotonic() + 120
    while (found := _expect(client.get(path), 200))["state"] != state:
        if time.monotonic() > deadline or found["state"] == "failed":
            raise ProcessFailed(f"{path} is {found}\n{running['bulk'].log[-4000:]}")
        time.sleep(0.3)
    return found
