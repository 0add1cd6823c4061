from typing import Any

from tenants.domain.bootstrap import ensure_demo_tenant
from tenants.management.operating import OperatorCommand


class Command(OperatorCommand):
    """Print the key of the demo shop, made on first use."""

    help = "Print the API key of the local demo tenant, creating both if needed."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Ensure and print."""
        self.stdout.write(ensure_demo_tenant().key)
