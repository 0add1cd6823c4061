import argparse
from typing import Any

from django.core.management.base import CommandError

from tenants.domain.keys import revoke_key
from tenants.management.operating import OperatorCommand
from tenants.models import ApiKey


class Command(OperatorCommand):
    """End an API key."""

    help = "Revoke the API key with this prefix, at once (vtr_<prefix>_…)."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The key's prefix, which is no secret."""
        parser.add_argument("prefix")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find and revoke; revoked before is fine."""
        key = ApiKey.across_tenants.filter(prefix=options["prefix"]).first()
        if key is None:
            raise CommandError(f"No key has the prefix {options['prefix']!r}.")
        revoke_key(key=key, even_last=True)
        self.stdout.write(f"{key} is revoked.")
