import argparse
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from tenants.domain.allowances import NAMES, recall_allowance, reset_quota, set_quota
from tenants.management.operating import OperatorCommand
from tenants.models import Tenant

# PostgreSQL's bigint.
_HIGHEST = 2**63 - 1
_HIGHEST_RATE = 2**31 - 1
_RATES = {"calls_a_minute", "recognitions_at_once"}


class Command(OperatorCommand):
    """Say what a shop may have and do."""

    help = (
        "Change a tenant's quotas, such as images=10000 recognitions_a_month=none (without bound), and print"
        " them all; without any, only print them. What is not named stays as it is."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The shop and its bounds."""
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("bounds", nargs="*", metavar="name=number", help=", ".join(NAMES))
        parser.add_argument(
            "--reset", action="store_true", help="let the platform's defaults (QUOTA_*) hold again"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find the shop, change, print."""
        tenant = Tenant.objects.filter(slug=options["tenant"], deleted_at=None).first()
        if tenant is None:
            raise CommandError(f"No tenant {options['tenant']!r}.")
        bounds = dict(_read_bound(said) for said in options["bounds"])
        allowance = reset_quota(tenant=tenant) if options["reset"] else recall_allowance(tenant.pk)
        if bounds:
            allowance = set_quota(tenant=tenant, bounds=bounds)
        for name, bound in asdict(allowance).items():
            self.stdout.write(f"{name}={'none' if bound is None else bound}")


def _read_bound(said: str) -> tuple[str, int | None]:
    name, sign, value = said.partition("=")
    if name not in NAMES or not sign:
        raise CommandError(f"Not a quota: {said!r}. Say name=number, with one of {', '.join(NAMES)}.")
    if value.lower() == "none":
        return name, None
    highest = _HIGHEST_RATE if name in _RATES else _HIGHEST
    if not value.isascii() or not value.isdecimal() or int(value) > highest:
        raise CommandError(f"{name} must be a whole number or `none`, not {value!r}.")
    return name, int(value)
