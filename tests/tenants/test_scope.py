from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from uuid import UUID, uuid4

import pytest

from tenants.errors import TenantRequired
from tenants.scope import current_tenant_id, tenant_scope

ACME, GLOBEX = uuid4(), uuid4()


def test_current_tenant_id_without_a_scope_raises() -> None:
    with pytest.raises(TenantRequired) as raised:
        current_tenant_id()
    assert raised.value.code == "tenant_required"


def test_tenant_scope_nests_and_restores_the_outer_tenant() -> None:
    with tenant_scope(ACME):
        with tenant_scope(GLOBEX):
            assert current_tenant_id() == GLOBEX
        assert current_tenant_id() == ACME
    with pytest.raises(TenantRequired):
        current_tenant_id()


def test_tenant_scope_ends_when_an_exception_leaves_it() -> None:
    with tenant_scope(ACME):
        with pytest.raises(ZeroDivisionError), tenant_scope(GLOBEX):
            _ = 1 / 0
        assert current_tenant_id() == ACME
    with pytest.raises(TenantRequired):
        current_tenant_id()


def test_tenant_scope_does_not_reach_another_thread() -> None:
    with tenant_scope(ACME), ThreadPoolExecutor(1) as pool:
        with pytest.raises(TenantRequired):
            pool.submit(current_tenant_id).result()
        assert pool.submit(copy_context().run, current_tenant_id).result() == ACME


def test_tenant_scopes_of_threads_do_not_mix() -> None:
    def enter_and_read(tenant: UUID) -> bool:
        with tenant_scope(tenant):
            return all(current_tenant_id() == tenant for _ in range(1000))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(enter_and_read, [ACME, GLOBEX, uuid4(), uuid4()]))
