"""The worker that sends webhooks: beside all others, and killed at its work."""

import signal
from collections.abc import Iterator

import pytest

from tests.api.test_webhooks import list_deliveries, make_webhook, path_of
from tests.conftest import Service, Shop, wait_until
from tests.webhooks.receiver import Receiver, open_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A shop's server."""
    with open_receiver() as opened:
        yield opened


@pytest.fixture
def restarting(service: Service) -> Iterator[Service]:
    """The service, whole again afterwards whatever the test has ended."""
    yield service
    for name, process in service.processes.items():
        if process.poll() is not None:
            service.start(name)
    service.wait_ready()


def test_worker_killed_while_it_sends_delivers_under_the_same_id(
    restarting: Service, acme: Shop, receiver: Receiver
) -> None:
    receiver.delay_s = 5
    webhook = make_webhook(acme, receiver.url)
    acme.http.post(f"{path_of(webhook)}/test")
    wait_until(lambda: len(receiver.received) == 1, "the worker is sending", 30)

    restarting.stop("webhooks", signal.SIGKILL)
    receiver.delay_s = 0
    restarting.start("webhooks")

    wait_until(lambda: bool(list_deliveries(acme, webhook, state="delivered")), "it is delivered", 90)
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert second.verify(webhook["secret"])
    (logged,) = list_deliveries(acme, webhook)
    assert len(logged["attempts"]) == 1


def test_event_is_sent_while_no_bulk_work_is_done(
    restarting: Service, acme: Shop, receiver: Receiver
) -> None:
    restarting.stop("bulk")
    acme.http.post(f"{path_of(make_webhook(acme, receiver.url))}/test")
    wait_until(lambda: bool(receiver.received), "the event has come", 10)


def test_worker_holds_no_models(service: Service, tmp_path_factory: pytest.TempPathFactory) -> None:
    (log,) = tmp_path_factory.getbasetemp().glob("logs[0-9]*/webhooks.log")
    wait_until(lambda: "is ready" in log.read_text(), "the worker is ready", 30)
    assert "is ready with" not in log.read_text()
