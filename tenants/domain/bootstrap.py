"""The demo shop of a local stack."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from tenants.domain.keys import authenticate_key, issue_key
from tenants.domain.tenants import create_tenant
from tenants.errors import Conflict, KeyRejected
from tenants.models import Tenant
from tenants.models.api_key import Scope


@dataclass(frozen=True)
class DemoTenant:
    """The demo shop and the plaintext of its key."""

    tenant: Tenant
    key: str = field(repr=False)


def ensure_demo_tenant() -> DemoTenant:
    """The demo shop and its key, made on first use.

    The plaintext is kept in `var/demo-key` (mode 0600), and only there: this is the one key that is not
    shown once, because it opens nothing but a demo on the machine it lies on.
    """
    tenant = _ensure_tenant()
    path = Path(settings.VAR_DIR) / "demo-key"
    kept = path.read_text().strip() if path.exists() else ""
    return DemoTenant(tenant=tenant, key=kept if _still_opens(kept, tenant) else _renew_key(tenant, path))


def _ensure_tenant() -> Tenant:
    # There already, or made by another process at this moment.
    with suppress(Conflict):
        return create_tenant(slug="demo", name="Demo shop")
    return Tenant.objects.get(slug="demo")


def _still_opens(plaintext: str, tenant: Tenant) -> bool:
    try:
        return authenticate_key(plaintext=plaintext).tenant_id == tenant.id
    except KeyRejected:
        return False


def _renew_key(tenant: Tenant, path: Path) -> str:
    issued = issue_key(tenant=tenant, name="demo", scopes=list(Scope))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(issued.plaintext + "\n")
    return issued.plaintext
