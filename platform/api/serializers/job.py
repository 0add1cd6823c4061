from typing import Any, get_args
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.models import Job, JobItem
from jobs.pace import count_pending, measure_pace
from transfer.imports.request import Mode


class JobCountsSerializer(serializers.ModelSerializer[Job]):
    """Items of a job by how they ended; all zero for a job that does not count."""

    pending = serializers.SerializerMethodField(help_text="Those that have not ended yet.")

    class Meta:
        model = Job
        fields = ["total", "done", "failed", "skipped", "pending"]
        extra_kwargs = {
            "done": {"help_text": "Of an import: rows whose photo is indexed."},
            "skipped": {"help_text": "Of an import: rows whose photo was there already."},
        }

    def get_pending(self, job: Job) -> int:
        """What is left."""
        return count_pending(job)


class ImportAskedSerializer(serializers.Serializer[Any]):
    """What an import was asked for."""

    upload = serializers.UUIDField(allow_null=True)
    directory = serializers.CharField(allow_null=True)
    mode = serializers.ChoiceField(choices=get_args(Mode))
    dry_run = serializers.BooleanField()
    near_duplicates = serializers.IntegerField(allow_null=True)
    columns = serializers.DictField(child=serializers.CharField())


class JobSerializer(serializers.ModelSerializer[Job]):
    """A long piece of work."""

    gallery = serializers.UUIDField(source="gallery_id", allow_null=True)
    counts = serializers.SerializerMethodField()
    items_per_second = serializers.SerializerMethodField(
        help_text="Since it was begun; null while nothing has ended."
    )
    seconds_left = serializers.SerializerMethodField(help_text="At this pace; null while unknown, or ended.")
    asked = serializers.SerializerMethodField(help_text="Of an import: what it was asked for.")
    retry_of = serializers.SerializerMethodField(help_text="The job whose failed rows this one tries again.")

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "gallery",
            "trigger",
            "state",
            "counts",
            "items_per_second",
            "seconds_left",
            "asked",
            "retry_of",
            "result",
            "code",
            "message",
            "created_at",
            "started_at",
            "finished_at",
        ]

    @extend_schema_field(JobCountsSerializer)
    def get_counts(self, job: Job) -> Any:
        """Counts of items."""
        return JobCountsSerializer(job).data

    def get_items_per_second(self, job: Job) -> float | None:
        """The pace."""
        rate = measure_pace(job).items_per_second
        return None if rate is None else round(rate, 3)

    def get_seconds_left(self, job: Job) -> float | None:
        """The time that is left."""
        left = measure_pace(job).seconds_left
        return None if left is None else round(left, 1)

    @extend_schema_field(ImportAskedSerializer(allow_null=True))
    def get_asked(self, job: Job) -> Any:
        """The request of an import, None of another job."""
        return ImportAskedSerializer(job.input).data if job.kind == Job.Kind.IMPORT else None

    def get_retry_of(self, job: Job) -> UUID | None:
        """The id of the job that is tried again."""
        first = job.input.get("retry_of")
        return UUID(first) if first else None


class JobFilterSerializer(serializers.Serializer[Any]):
    """What a list of jobs may be narrowed to."""

    state = serializers.ChoiceField(choices=Job.State.choices, required=False)
    kind = serializers.ChoiceField(choices=Job.Kind.choices, required=False)
    gallery = serializers.UUIDField(required=False)


class JobItemSerializer(serializers.ModelSerializer[JobItem]):
    """A row of an import, and how it ended."""

    image = serializers.UUIDField(source="image_id", allow_null=True, help_text="The stored photo.")

    class Meta:
        model = JobItem
        fields = [
            "id",
            "line",
            "sku",
            "name",
            "state",
            "code",
            "message",
            "image",
            "duplicate_of",
            "conflicts",
            "ended_at",
        ]
        extra_kwargs = {
            "line": {"help_text": "Its place in the manifest or archive, from 1."},
            "duplicate_of": {"help_text": "The photo that the product had already."},
            "conflicts": {"help_text": "Photos of other products that look the same."},
        }


class JobItemFilterSerializer(serializers.Serializer[Any]):
    """What a list of items may be narrowed to."""

    state = serializers.ChoiceField(choices=JobItem.State.choices, required=False)
    conflicts = serializers.BooleanField(required=False, allow_null=True, default=None)
