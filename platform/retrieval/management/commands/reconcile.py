"""`python manage.py reconcile`: compare every searched index with PostgreSQL now, and mend it."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db.models import F

from jobs.errors import Unavailable
from retrieval.galleries import reindex_gallery
from retrieval.index.reconciling import reconcile_index
from retrieval.index.store import IndexMissing
from tenants.management.operating import OperatorCommand
from tenants.models import Gallery, VectorIndex
from tenants.scope import tenant_scope


class Command(OperatorCommand):
    """What beat does every few minutes, for hand use; every key is compared unless told otherwise."""

    help = "Compare the vector indexes with PostgreSQL and mend them; a job builds lost collections anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which galleries, and how closely."""
        parser.add_argument("--gallery", type=UUID, help="only this gallery")
        parser.add_argument("--quick", action="store_true", help="counts and samples first, as beat does")

    def handle(self, *_args: Any, **options: Any) -> None:
        """One line an index."""
        indexes = VectorIndex.across_tenants.filter(
            generation=F("gallery__generation"), retired_at=None, gallery__deleted_at=None
        ).select_related("gallery")
        if options["gallery"]:
            indexes = indexes.filter(gallery=options["gallery"])
            if not indexes:
                raise CommandError(f"There is no gallery {options['gallery']} with an index.")
        try:
            for index in indexes:
                with tenant_scope(index.tenant_id):
                    self.stdout.write(
                        f"{index.gallery_id} {index}: {_reconcile(index, thorough=not options['quick'])}"
                    )
        except Unavailable as error:
            raise CommandError(error.message) from error


def _reconcile(index: VectorIndex, *, thorough: bool) -> str:
    try:
        drift = reconcile_index(index, thorough=thorough)
    except IndexMissing:
        gallery = Gallery.objects.get(pk=index.gallery_id)
        job = reindex_gallery(gallery=gallery, trigger="reconcile", asked=False, reuse=True)
        return f"the collection is lost; job {job.pk} builds it anew"
    if not drift:
        return "as it should be"
    return f"{len(drift.missing)} were missing and {len(drift.orphans)} were too many; mended"
