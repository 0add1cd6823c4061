"""`python manage.py deletetenant`: close a shop and have all that it has removed."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from jobs.models import Job
from retrieval.tenants import close_tenant
from tenants.management.operating import OperatorCommand
from tenants.models import Gallery, ReferenceImage, Tenant
from tenants.scope import tenant_scope


class Command(OperatorCommand):
    """End a shop; there is no way back."""

    help = "Refuse the tenant's keys at once and have a job remove all that it has. There is no way back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The shop, and whether to ask."""
        parser.add_argument("slug")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Ask, close, say which job is at it; called again, how far that is."""
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(f"No tenant {options['slug']!r}.")
        if tenant.deleted_at is None and not options["yes"]:
            self._ask(tenant)
        job = close_tenant(tenant=tenant, trigger="operator")
        self.stdout.write(_describe(tenant, job))

    def _ask(self, tenant: Tenant) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Nobody is here to ask. Say --yes to delete the tenant without asking.")
        with tenant_scope(tenant.pk):
            galleries, photos = Gallery.objects.count(), ReferenceImage.objects.count()
        self.stdout.write(f"{tenant.name}: {galleries} galleries, {photos} photos. There is no way back.")
        self.stdout.write(f"Type {tenant.slug} to delete it all: ", ending="")
        self.stdout.flush()
        if sys.stdin.readline().strip() != tenant.slug:
            raise CommandError("Nothing was deleted.")


def _describe(tenant: Tenant, job: Job) -> str:
    said = f"The keys of {tenant.slug} are refused. Job {job.pk} removes what it has"
    return f"{said}: {job.done} of {job.total} photos so far." if job.total else f"{said}."
