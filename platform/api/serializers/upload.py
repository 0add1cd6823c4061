from typing import Any

from django.conf import settings
from rest_framework import serializers

from tenants.models import Upload


class Sha256Field(serializers.RegexField):
    """64 hexadecimal digits."""

    default_error_messages = {"invalid": "A sha256 has 64 hexadecimal digits."}

    def __init__(self, **options: Any) -> None:
        super().__init__("^[0-9A-Fa-f]{64}$", **options)


class UploadBeginSerializer(serializers.Serializer[Any]):
    """A file that is to be sent in chunks."""

    filename = serializers.CharField(max_length=255, help_text="Its ending says what it is.")
    size = serializers.IntegerField(min_value=0, max_value=2**63 - 1, help_text="Bytes of the whole file.")
    sha256 = Sha256Field(
        required=False, help_text="Of the whole file, in hex. Checked when the last chunk has come."
    )


class ChunkPlaceSerializer(serializers.Serializer[Any]):
    """Where a chunk belongs, and what it should be."""

    offset = serializers.IntegerField(
        min_value=0,
        max_value=2**63 - 1,
        error_messages={"null": "Say in the address where the chunk begins: `?offset=0`."},
    )
    sha256 = Sha256Field(
        error_messages={"null": "Send the chunk's sha256, in hex, as the header `X-Chunk-SHA256`."}
    )


class UploadStateSerializer(serializers.ModelSerializer[Upload]):
    """A file on its way. The next chunk begins at `received`; it is whole once it has a `completed_at`."""

    chunk_bytes = serializers.SerializerMethodField(help_text="The most that a chunk may have.")

    class Meta:
        model = Upload
        fields = [
            "id",
            "kind",
            "filename",
            "size",
            "sha256",
            "received",
            "chunk_bytes",
            "created_at",
            "completed_at",
            "expires_at",
        ]

    def get_chunk_bytes(self, _upload: Upload) -> int:
        """The limit of this service."""
        return settings.UPLOAD_CHUNK_BYTES
