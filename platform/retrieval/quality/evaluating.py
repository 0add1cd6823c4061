"""Evaluations of a gallery: asked for, run by a job, kept, compared, and applied."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from jobs.dispatch import create_job
from jobs.models import Job
from jobs.progress import report_progress
from retrieval.index.report import report_threshold
from retrieval.quality.choices import Choice, complete_choices, list_usual, parse_choices
from retrieval.quality.evaluation import ask_queries, evaluate, leave_one_out
from retrieval.quality.measurements import keep_measurement
from retrieval.quality.recommendation import compare_policies, compare_settings
from retrieval.quality.sources import check_measurable, check_source, open_measured
from retrieval.settings.gallery import GallerySettings, merge_settings
from tenants.domain.audit import record_change
from tenants.errors import Conflict, NotFound
from tenants.models import Evaluation, Exemplar, Gallery

USUAL_SAMPLE = 500


def start_evaluation(
    *,
    gallery: Gallery,
    source: str,
    policies: Sequence[object] | None,
    sample: int,
    trigger: str,
) -> Job:
    """The job that evaluates the gallery. policies: as `Choice.parse` reads them; None for the usual ones.

    Raises `Conflict` where there is nothing to ask with, `InvalidSettings` for a policy that cannot work.
    """
    choices = None if policies is None else [choice.as_dict() for choice in parse_choices(policies)]
    check_measurable(gallery)
    check_source(gallery, source)
    return create_job(
        tenant_id=gallery.tenant_id,
        gallery=gallery,
        kind=Job.Kind.EVALUATE,
        trigger=trigger,
        given={"source": source, "policies": choices, "sample": sample},
    )


def run_evaluation(job: Job) -> None:
    """Evaluate, and keep the result, at the very end. Raises `Conflict`, `Unavailable`."""
    gallery = job.gallery
    if gallery is None or gallery.deleted_at:
        return

    def tell(done: int, total: int) -> None:
        job.done, job.total = done, total
        report_progress(job, done=done)

    source, sample = job.input["source"], int(job.input["sample"])
    check_source(gallery, source)
    index, settings = open_measured(gallery)
    ask = leave_one_out if source == Evaluation.Source.LEAVE_ONE_OUT else ask_queries
    questions = ask(index, sample=sample)
    if not questions.known:
        raise Conflict(
            "No photo to ask with shows a product that has another indexed photo.", code="too_few_photos"
        )
    found = evaluate(
        index,
        settings,
        questions=questions,
        choices=_choose(job.input["policies"], settings),
        threshold=report_threshold(gallery).value,
        tell=tell,
    )
    best = found["policies"][found["recommended"]]
    evaluation = keep_measurement(
        Evaluation,
        job,
        index,
        settings,
        source=source,
        recommended={"rerank": best["rerank"], "grouping": best["grouping"]},
        result=found,
    )
    if evaluation is not None:
        job.result = {"evaluation": str(evaluation.pk), "recommended": evaluation.recommended}


def compare_evaluations(evaluation: Evaluation, other: Evaluation) -> dict[str, Any]:
    """What the evaluation's figures exceed the other's by, policy by policy, and what was set otherwise."""
    return {
        "other": str(other.pk),
        "same_source": evaluation.source == other.source,
        "generations": [other.generation, evaluation.generation],
        "embedders": [other.embedders, evaluation.embedders],
        "settings": compare_settings(evaluation.settings, other.settings),
        "policies": compare_policies(evaluation.result["policies"], other.result["policies"]),
    }


def apply_evaluation(*, evaluation: Evaluation, policy: int | None) -> Gallery:
    """Rank the gallery as one of the evaluation's policies does, by its place; None takes the recommended.

    Raises `NotFound` for a place that there is not.
    """
    policies = evaluation.result["policies"]
    place = evaluation.result["recommended"] if policy is None else policy
    if not 0 <= place < len(policies):
        raise NotFound(
            f"The evaluation has policies 0 to {len(policies) - 1}, no {place}.", code="policy_not_found"
        )
    change = {"rerank": policies[place]["rerank"], "grouping": policies[place]["grouping"]}
    with transaction.atomic():
        gallery = Gallery.objects.select_for_update().get(pk=evaluation.gallery_id)
        before = gallery.settings
        gallery.settings = merge_settings(before, change)
        gallery.save(update_fields=["settings", "updated_at"])
        record_change(
            action="gallery.evaluation_applied",
            object_id=gallery.pk,
            before={"settings": before},
            after={"settings": gallery.settings, "evaluation": evaluation.pk},
        )
    return gallery


def _choose(said: Sequence[object] | None, settings: GallerySettings) -> list[Choice]:
    distractors = Exemplar.objects.filter(role=Exemplar.Role.DISTRACTOR, state=Exemplar.State.INDEXED)
    usual = list_usual(with_distractors=distractors.exists())
    return complete_choices(usual if said is None else parse_choices(said), settings)
