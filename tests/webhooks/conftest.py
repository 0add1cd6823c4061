"""Endpoints as committed rows, without the service's processes: these tests play the worker themselves."""

from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from tenants.models import Tenant, WebhookEndpoint
from tenants.scope import tenant_scope
from tests.jobs.conftest import broker, relay
from tests.webhooks.endpoints import make_tenant
from tests.webhooks.receiver import Receiver, open_receiver

__all__ = ["broker", "relay"]


@pytest.fixture(scope="module")
def rows(service_environment: dict[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows that are committed. The module's endpoints go at its end: a service that starts later would go on
    trying them.
    """
    with django_db_blocker.unblock():
        began = timezone.now()
        yield
        for endpoint in WebhookEndpoint.across_tenants.filter(created_at__gte=began):
            with tenant_scope(endpoint.tenant_id):
                endpoint.delete()


@pytest.fixture
def intranet(settings: Settings) -> None:
    """Endpoints may be on loopback, without TLS."""
    settings.WEBHOOK_HTTP = True
    settings.WEBHOOK_PRIVATE_ADDRESSES = True


@pytest.fixture
def receiver(intranet: None) -> Iterator[Receiver]:
    """A shop's server that takes everything, until told otherwise."""
    with open_receiver() as opened:
        yield opened


@pytest.fixture
def other_receiver(intranet: None) -> Iterator[Receiver]:
    """Another one."""
    with open_receiver() as opened:
        yield opened


@pytest.fixture
def acme(rows: None) -> Iterator[Tenant]:
    """Acme; the test runs as it."""
    tenant = make_tenant("acme")
    with tenant_scope(tenant.id):
        yield tenant
