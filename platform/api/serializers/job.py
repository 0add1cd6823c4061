from rest_framework import serializers

from jobs.models import Job


class JobSerializer(serializers.ModelSerializer[Job]):
    """A long piece of work."""

    gallery = serializers.UUIDField(source="gallery_id", allow_null=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "gallery",
            "trigger",
            "state",
            "total",
            "done",
            "failed",
            "skipped",
            "result",
            "code",
            "message",
            "created_at",
            "started_at",
            "finished_at",
        ]
