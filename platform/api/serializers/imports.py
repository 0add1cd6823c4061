"""What an import is asked for."""

import json
from typing import Any, get_args

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from transfer.errors import SourceRefused
from transfer.imports.request import DEFAULT_NEAR_DUPLICATES, Mode
from transfer.sources.manifests.columns import check_mapping

MOST_PHOTOS = 10_000
_SOURCES = ("upload", "directory", "photos")


class ColumnsField(serializers.DictField):
    """Our names of fields to the manifest's own."""

    child = serializers.CharField(max_length=200)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The mapping, from names that we know."""
        columns: dict[str, Any] = super().to_internal_value(data)
        try:
            check_mapping(columns)
        except SourceRefused as refused:
            raise serializers.ValidationError(refused.message) from refused
        return columns


@extend_schema_field(
    {
        "type": "string",
        "contentMediaType": "application/json",
        "description": "As in a JSON body, as JSON text.",
    }
)
class ColumnsFormField(ColumnsField):
    """The same in a form."""

    def get_value(self, dictionary: Any) -> Any:
        """The field's text."""
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The mapping, read from its text; an empty one maps nothing."""
        try:
            said = json.loads(data or "{}")
        except (ValueError, TypeError, RecursionError) as error:
            raise serializers.ValidationError("This is not JSON.") from error
        return super().to_internal_value(said)


class ImportOptionsSerializer(serializers.Serializer[Any]):
    """How to import, whatever the source."""

    mode = serializers.ChoiceField(
        choices=get_args(Mode),
        default="upsert",
        help_text="`create` takes new SKUs only; `upsert` also changes products that are there; `replace` "
        "also deletes the products that no row names.",
    )
    dry_run = serializers.BooleanField(
        default=False, help_text="Change nothing: say what would be done, and which products would go."
    )
    near_duplicates = serializers.IntegerField(
        default=DEFAULT_NEAR_DUPLICATES,
        min_value=0,
        max_value=7,
        allow_null=True,
        help_text="Photos are the same when at most so many bits of their difference hash differ; null: only "
        "when they are the same file.",
    )
    columns = ColumnsField(
        required=False, help_text='Where the manifest has other names: `{"sku": "Article"}`.'
    )


@extend_schema_serializer(component_name="Import")
class ImportRequestSerializer(ImportOptionsSerializer):
    """An import, of exactly one of `upload`, `directory` and `photos`."""

    upload = serializers.UUIDField(required=False, help_text="A complete upload: an archive or a manifest.")
    directory = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=1000,
        help_text="A folder below your own in a place that the operator allowed; empty for all of it.",
    )
    photos = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        min_length=1,
        max_length=MOST_PHOTOS,
        help_text='Rows as in a JSON Lines manifest: `{"sku": …, "image": URL, "title": …}`.',
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One source, no more and no less."""
        named = [name for name in _SOURCES if name in attrs]
        if len(named) != 1:
            raise serializers.ValidationError(
                f"Name exactly one source: `{'`, `'.join(_SOURCES)}`, or send the file itself as a form."
            )
        return attrs


@extend_schema_serializer(component_name="ImportForm")
class ImportFormSerializer(ImportOptionsSerializer):
    """An import of a file that comes along."""

    file = serializers.FileField(
        max_length=255,
        allow_empty_file=True,
        help_text="An archive or a manifest; its ending says what it is.",
    )
    columns = ColumnsFormField(required=False)
