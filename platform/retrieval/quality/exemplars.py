"""Exemplars from `pending` to `indexed`: their regions as each model sees them, in PostgreSQL only."""

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from inference.analysis import Analysis, AnalysisOptions
from inference.errors import ImageRejected
from jobs.dispatch import create_job
from jobs.models import Job
from jobs.progress import report_progress
from retrieval.analysers import default_embedder, get_analyser
from retrieval.index.rows import list_embedders, list_written
from retrieval.photos.files import delete_file, read_file
from retrieval.pictures import decode_photo
from retrieval.settings.gallery import GallerySettings
from tenants.models import Embedding, Exemplar, ExemplarRegion, Gallery, VectorIndex

_BATCH = 500
_log = logging.getLogger(__name__)


def start_preparation(
    *, tenant_id: UUID, exemplars: Iterable[Exemplar], trigger: str, gallery: Gallery | None = None
) -> Job:
    """The job that analyses these exemplars. gallery: that of queries; None for distractors."""
    return create_job(
        tenant_id=tenant_id,
        gallery=gallery,
        kind=Job.Kind.PREPARE_EXEMPLARS,
        trigger=trigger,
        given={"exemplars": [str(exemplar.pk) for exemplar in exemplars]},
    )


def prepare_exemplars(job: Job) -> None:
    """Analyse the exemplars that the job names and that still wait.

    Distractors are seen by the models of all galleries, queries by those of their own. Killed half-way, the
    next run goes on with the rest. Raises `Unavailable`, `ModelMissing`.
    """
    named = Exemplar.objects.filter(pk__in=job.input.get("exemplars", []))
    waiting = list(named.filter(state=Exemplar.State.PENDING).order_by("pk"))
    job.total = len(waiting)
    for done, exemplar in enumerate(waiting, start=1):
        _analyse(exemplar, list_models(exemplar.gallery))
        job.done = done
        report_progress(job, done=done)
    states = list(named.values_list("state", flat=True))
    job.failed = states.count(Exemplar.State.FAILED)
    job.result = {state: states.count(state) for state in Exemplar.State.values}


def ensure_exemplar_vectors(gallery: Gallery, embedders: Iterable[str]) -> None:
    """Let the embedders see what is new to them of the gallery's queries and the tenant's distractors.

    Exemplars that still wait are analysed, too. Done before is fine; killed half-way, the next call goes on.
    Raises `Unavailable`, `ModelMissing`.
    """
    wanted = set(embedders)
    beside = Q(role=Exemplar.Role.DISTRACTOR) | Q(gallery=gallery)
    exemplars = Exemplar.objects.filter(beside).exclude(state=Exemplar.State.FAILED)
    for exemplar in _list_unseen(exemplars, wanted):
        _analyse(exemplar, sorted(wanted | set(list_models(exemplar.gallery))))


def list_models(gallery: Gallery | None) -> list[str]:
    """The embedders that fill the gallery's indexes, or those of all; the default where there is no index."""
    if gallery is not None:
        indexes: Sequence[VectorIndex] = list_written(gallery)
    else:
        indexes = list(VectorIndex.objects.filter(retired_at=None, gallery__deleted_at=None))
    return list_embedders(indexes) or [default_embedder()]


def analyse_again(gallery: Gallery, *, trigger: str) -> Job | None:
    """The job that looks at the gallery's labelled queries anew, since it is set to look otherwise now.

    None where there are none.
    """
    queries = Exemplar.objects.filter(gallery=gallery).exclude(state=Exemplar.State.FAILED)
    queries.update(state=Exemplar.State.PENDING)
    waiting = list(queries)
    if not waiting:
        return None
    return start_preparation(tenant_id=gallery.tenant_id, exemplars=waiting, trigger=trigger, gallery=gallery)


def delete_exemplar_files(gallery: Gallery) -> None:
    """Remove the labelled queries of a gallery that is being deleted, files first. Raises `Unavailable`."""
    queries = Exemplar.objects.filter(gallery=gallery)
    while batch := list(queries[:_BATCH]):
        for exemplar in batch:
            delete_file(exemplar.file)
        Exemplar.objects.filter(pk__in=[exemplar.pk for exemplar in batch]).delete()


def _list_unseen(exemplars: QuerySet[Exemplar], embedders: Iterable[str]) -> list[Exemplar]:
    unseen = Q(state=Exemplar.State.PENDING)
    for name in embedders:
        unseen |= ~Q(pk__in=ExemplarRegion.objects.filter(model=name).values("exemplar"))
    return list(exemplars.filter(unseen).order_by("pk"))


def _analyse(exemplar: Exemplar, embedders: Sequence[str]) -> None:
    """Store the exemplar's regions for these embedders, all out of one analysis, and end it."""
    try:
        picture = decode_photo(read_file(exemplar.file))
    except ImageRejected as rejected:
        _end_as_failed(exemplar, code=rejected.code, message=rejected.message)
        return
    except FileNotFoundError:
        _log.exception("the file of exemplar %s is lost", exemplar.pk)
        _end_as_failed(
            exemplar, code="file_lost", message="The stored file is missing. Upload the photo again."
        )
        return
    (analysis,) = get_analyser(embedders).analyse([picture], _choose_options(exemplar))
    _save(exemplar, analysis, embedders)


def _choose_options(exemplar: Exemplar) -> AnalysisOptions:
    """A query is looked at as `recognize` would; a distractor as a reference photo is."""
    if exemplar.gallery is None:
        return AnalysisOptions(max_regions=1)
    said = GallerySettings.parse(exemplar.gallery.settings)
    return AnalysisOptions(detect=said.detect, max_regions=said.max_regions, fallback=said.fallback)


def _save(exemplar: Exemplar, analysis: Analysis, embedders: Sequence[str]) -> None:
    """Write the regions, unless the exemplar was deleted; those of an earlier analysis are replaced."""
    with transaction.atomic():
        locked = Exemplar.objects.select_for_update().filter(pk=exemplar.pk)
        if not locked.exists():
            return
        ExemplarRegion.objects.filter(exemplar=exemplar, model__in=embedders).delete()
        ExemplarRegion.objects.bulk_create(_describe_regions(exemplar, analysis))
        locked.update(state=Exemplar.State.INDEXED)


def _describe_regions(exemplar: Exemplar, analysis: Analysis) -> list[ExemplarRegion]:
    return [
        ExemplarRegion(
            tenant_id=exemplar.tenant_id,
            exemplar=exemplar,
            model=model,
            ordinal=ordinal,
            **dict(zip(("x1", "y1", "x2", "y2"), region.box.as_tuple(), strict=True)),
            score=region.score,
            source=region.source,
            vector=Embedding.pack(vector),
        )
        for ordinal, region in enumerate(analysis.regions)
        for model, vector in region.vectors.items()
    ]


def _end_as_failed(exemplar: Exemplar, *, code: str, message: str) -> None:
    Exemplar.objects.filter(pk=exemplar.pk).update(
        state=Exemplar.State.FAILED, failure_code=code, failure_message=message[:500]
    )
