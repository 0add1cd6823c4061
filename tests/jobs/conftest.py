"""A database of Valkey of the tests' own, so that no running worker takes what they send."""

import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis
from celery import Celery
from django.conf import settings as django_settings
from pytest_django import DjangoDbBlocker, Settings

from jobs.presence import announce_worker, list_workers
from jobs.valkey import connect_valkey
from tests.conftest import wait_until
from tests.relay import Relay
from workers import app as product_app

_FIRST_OWN_DATABASE = 7


@pytest.fixture
def rows(service_environment: dict[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows that are committed, each under tenants of the test's own."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def relay() -> Iterator[Relay]:
    """The way to Valkey, which can be cut."""
    address = urlsplit(django_settings.REDIS_URL)
    opened = Relay(address.hostname or "", address.port or 0)
    yield opened
    opened.close()


@pytest.fixture
def broker(relay: Relay, settings: Settings) -> Iterator["redis.Redis"]:
    """A client past the relay; Celery and the product's own client go through it."""
    shared_url = urlsplit(settings.REDIS_URL)
    direct_url = shared_url._replace(path=f"/{_FIRST_OWN_DATABASE + int(shared_url.path[1:])}")
    direct = redis.Redis.from_url(direct_url.geturl())
    direct.flushdb()
    credentials = f"{direct_url.netloc.rpartition('@')[0]}@" if "@" in direct_url.netloc else ""
    settings.REDIS_URL = direct_url._replace(netloc=f"{credentials}127.0.0.1:{relay.port}").geturl()
    settings.CELERY_BROKER_URL = settings.REDIS_URL
    connect_valkey.cache_clear()
    through_relay = Celery("through-relay")
    through_relay.config_from_object("django.conf:settings", namespace="CELERY")
    through_relay.set_default()
    yield direct
    through_relay.close()
    product_app.set_default()
    product_app.set_current()
    connect_valkey().close()
    connect_valkey.cache_clear()
    direct.flushdb()
    direct.close()


@pytest.fixture
def present_worker(broker: "redis.Redis") -> Iterator[None]:
    """A recognition worker says that it is there; the test plays it."""
    stop = threading.Event()
    said = {"queue": "recognize", "hostname": "played", "facts": {}, "stop": stop}
    thread = threading.Thread(target=announce_worker, kwargs=said)
    thread.start()
    wait_until(lambda: bool(list_workers("recognize")), "the worker is announced", 10)
    yield
    stop.set()
    thread.join()
