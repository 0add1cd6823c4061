"""Settings as fields of the API: their bounds, words and meanings are those of retrieval.settings."""

import json
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from retrieval.ranking.policies import POLICIES, parse_steps
from retrieval.settings.gallery import KINDS, describe_settings
from retrieval.settings.index import INDEX_KINDS
from retrieval.settings.kinds import Choice, Flag, Number

_ALWAYS = {"preset", "embedders", "representation", "type", "metric", "projection"}
_PERHAPS = ("dims", "hamming_radius")


def describe_components() -> dict[str, Any]:
    """JSON Schemas of a gallery's settings in effect, of a change of them, and of `rerank`, by name."""
    settings = describe_settings()
    return {
        "GallerySettings": _describe_effective(settings),
        "GallerySettingsChange": _describe_change(settings),
        "Rerank": settings["rerank"],
    }


def _describe_effective(settings: dict[str, Any]) -> dict[str, Any]:
    index = settings["index"] | {name: _or_null(settings["index"][name]) for name in _PERHAPS}
    described = {
        **settings,
        "score_threshold": _or_null(settings["score_threshold"]),
        "index": _make_object(index, required=sorted(_ALWAYS)),
    }
    return {
        **_make_object(described, required=sorted(described)),
        "description": "The settings in effect; of `index` without those that do not apply to it.",
    }


def _describe_change(settings: dict[str, Any]) -> dict[str, Any]:
    index = _make_object({name: _or_null(schema) for name, schema in settings["index"].items()})
    plain = {name: _or_null(schema) for name, schema in settings.items() if name != "index"}
    return {
        **_make_object({**plain, "index": {**index, "type": ["object", "null"]}}),
        "description": "Settings that are said; those left out stay as they are, null is the default.",
    }


@extend_schema_field({"$ref": "#/components/schemas/GallerySettings"})
class EffectiveSettingsField(serializers.JSONField):
    """A gallery's settings, defaults included."""


@extend_schema_field({"$ref": "#/components/schemas/GallerySettingsChange"})
class SettingsChangeField(serializers.DictField):
    """Settings that are said or changed; retrieval.settings tells what cannot be had."""


@extend_schema_field({"$ref": "#/components/schemas/Rerank"})
class RerankField(serializers.Field[list[Any], Any, list[Any], Any]):
    """A list of policies."""

    def to_internal_value(self, data: Any) -> list[Any]:
        """The list as it came, known to be good."""
        try:
            parse_steps(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error
        return list(data)

    def to_representation(self, value: list[Any]) -> list[Any]:
        """The list."""
        return value


@extend_schema_field(
    {
        "anyOf": [
            {"type": "array", "items": {"type": "string", "enum": [str(policy) for policy in POLICIES]}},
            {"type": "string", "contentMediaType": "application/json"},
        ],
        "description": "Policies by name, in repeated fields; or the list of a JSON body, as JSON text.",
    }
)
class RerankFormField(RerankField):
    """The same in a form."""

    def get_value(self, dictionary: Any) -> Any:
        """Every field of this name; none of them is no value, an empty one no policy."""
        if not isinstance(dictionary, QueryDict):
            return super().get_value(dictionary)
        said = dictionary.getlist(str(self.field_name))
        return [text for text in said if text] if said else empty

    def to_internal_value(self, data: Any) -> list[Any]:
        """The list, read if it is one JSON text."""
        if len(data) == 1 and isinstance(data[0], str) and data[0].lstrip().startswith(("[", "{")):
            data = _read_json(data[0])
        return super().to_internal_value(data)


def make_option(name: str) -> serializers.Field[Any, Any, Any, Any]:
    """A field for a setting that a request may say over its gallery's; left out, it is None."""
    kind = KINDS.get(name) or INDEX_KINDS[name]
    given: dict[str, Any] = {"required": False, "allow_null": True, "default": None}
    match kind:
        case Flag():
            return serializers.BooleanField(help_text=kind.meaning, **given)
        case Choice():
            return serializers.ChoiceField(choices=kind.words, help_text=kind.meaning, **given)
        case Number(whole=True):
            given |= {"min_value": int(kind.least), "max_value": int(kind.most)}
            return serializers.IntegerField(help_text=kind.meaning, **given)
        case Number():
            given |= {"min_value": kind.least, "max_value": kind.most}
            return serializers.FloatField(help_text=kind.meaning, **given)
        case _:
            raise TypeError(f"{name} cannot be an option of a request")


def _make_object(properties: dict[str, Any], *, required: list[str] | None = None) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    nullable = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise serializers.ValidationError("This is not JSON.") from error
