"""docs/webhooks.md against the code: its example is run, its events are those that there are."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.events import emit_job_finished
from jobs.models import Job
from tenants.models import Tenant, WebhookEndpoint
from tests.conftest import ROOT, wait_until
from tests.webhooks.endpoints import Event, hurry, make_endpoint, reload
from webhooks.delivering import deliver_pending
from webhooks.resending import send_ping

GUIDE = (ROOT / "docs" / "webhooks.md").read_text()


def read_block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def run_example(free_port: int, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Starts the guide's server with a secret; the path of what it prints."""
    started: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "log"

    def run(secret: str) -> Path:
        code = read_block("python").replace("whsec_...", secret).replace("8080", str(free_port))
        with log.open("wb") as output:
            argv = [sys.executable, "-u", "-c", code]
            started.append(subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT))
        wait_until(lambda: is_open(free_port), "the example listens", 20)
        return log

    yield run
    for process in started:
        process.kill()
        process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_example_takes_what_is_ours_and_refuses_what_is_not(
    acme: Tenant, intranet: None, free_port: int, run_example: Callable[[str], Path]
) -> None:
    endpoint = make_endpoint(acme, f"http://127.0.0.1:{free_port}/hook")
    log = run_example(endpoint.secret)
    delivery = send_ping(endpoint=endpoint)
    signed = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    signed.update(secret="whsec_" + "A" * 44)
    deliver_pending(budget_s=5)
    assert [attempt["status"] for attempt in reload(delivery).attempts] == [401]

    signed.update(secret=endpoint.secret)
    hurry(endpoint)
    deliver_pending(budget_s=5)

    assert reload(delivery).state == "delivered"
    assert f"{delivery.event_id} ping {{'webhook': '{endpoint.pk}'}}" in log.read_text()


def test_guide_has_a_row_for_each_event() -> None:
    named = re.findall(r"^\| `([a-z.]+)` \|", GUIDE, re.MULTILINE)
    assert sorted(named) == sorted(Event.values)


def test_body_in_the_guide_has_the_fields_that_are_sent(acme: Tenant, intranet: None) -> None:
    endpoint = make_endpoint(acme, "http://127.0.0.1:9/", Event.JOB_FINISHED)
    emit_job_finished(Job.objects.create(tenant=acme, kind=Job.Kind.IMPORT, trigger="test").pk)
    (delivery,) = endpoint.deliveries.all()
    shown = json.loads(read_block("json"))
    assert shown.keys() == delivery.body.keys()
    assert shown["data"].keys() == delivery.body["data"].keys()
    assert shown["data"]["counts"].keys() == delivery.body["data"]["counts"].keys()
