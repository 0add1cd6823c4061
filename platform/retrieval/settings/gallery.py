"""All settings of a gallery, with their defaults and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from retrieval.ranking.policies import POLICIES, PolicyCard, Step, describe_steps, parse_steps
from retrieval.settings.index import IndexSettings, describe_index, merge_index
from retrieval.settings.kinds import Choice, Flag, Kind, Number, check_known, check_object, drop_nulls
from tenants.errors import InvalidSettings

Grouping = Literal["max", "vote"]

KINDS: dict[str, Kind] = {
    "detect": Flag("Look for main bodies in photos; else each photo is taken whole.", default=True),
    "max_regions": Number("Detected bodies considered per query photo.", 5, 1, 20),
    "fallback": Flag(
        "Take the photo as a whole where no body is found, and beside those that are.", default=True
    ),
    "shortlist": Number("Nearest references that are ranked.", 100, 1, 1000),
    "grouping": Choice(
        "A product's place: by the vote of the `vote_k` best references, each weighing the fourth "
        "power of its lead (`vote`), or by its best reference (`max`).",
        "vote",
        get_args(Grouping),
    ),
    "vote_k": Number("Best references that vote on the product.", 20, 1, 1000),
    "category_votes": Number("Nearest references that vote on the category; 0 for no category.", 20, 0, 1000),
    "score_threshold": Number(
        "Least similarity at which a product is named instead of `unknown`; null for the usual one.",
        None,
        -1,
        1,
        whole=False,
    ),
    "margin": Number(
        "Least lead over the second product; below it the answer is `ambiguous`.", 0.0, 0, 2, whole=False
    ),
    "false_accept_rate": Number(
        "Share of strangers that a threshold found by calibration may name.", 0.05, 0, 1, whole=False
    ),
}
_RERANK = "Policies applied to the shortlist, in this order: names, or objects with parameters."


@dataclass(frozen=True)
class GallerySettings:
    """Checked settings of a gallery (`KINDS` says what each is; `INDEX_KINDS` what those of its index are).

    rerank: with all parameters (retrieval.ranking.policies). score_threshold: None takes the usual one.
    """

    detect: bool
    max_regions: int
    fallback: bool
    shortlist: int
    rerank: tuple[Step, ...]
    grouping: Grouping
    vote_k: int
    category_votes: int
    score_threshold: float | None
    margin: float
    false_accept_rate: float
    index: IndexSettings

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> "GallerySettings":
        """Settings from what was said of them; absent ones, and nulls, take their default.

        Raises `InvalidSettings`, naming the setting, for unknown ones and for what cannot work.
        """
        said = drop_nulls(said)
        check_known("setting", said, (field.name for field in fields(cls)))
        for name in said.keys() & KINDS.keys():
            KINDS[name].check(name, said[name])
        index = said.get("index", {})
        check_object("index", index)
        return cls(
            **{name: said.get(name, kind.default) for name, kind in KINDS.items()},
            rerank=_parse_rerank(said.get("rerank", ())),
            index=IndexSettings.parse(index),
        )

    def as_dict(self) -> dict[str, Any]:
        """The settings in effect, for storing and for the API; `parse` reads it back."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "rerank": describe_steps(self.rerank), "index": self.index.as_dict()}


def merge_settings(said: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """What is said once the change is made: null takes a setting back to its default.

    `index` is merged by its own rules (retrieval.settings.index), every other setting takes the place of
    what was said before. Raises `InvalidSettings` for an index that is none; `parse` tells the rest.
    """
    merged = drop_nulls({**said, **change})
    index = change.get("index")
    if index is not None:
        check_object("index", index)
        merged["index"] = merge_index(said.get("index", {}), index)
    return merged


def describe_settings() -> dict[str, Any]:
    """JSON Schema of each setting, by name; of `index`, its own settings by name."""
    plain = {name: kind.describe() for name, kind in KINDS.items()}
    return {**plain, "rerank": _describe_rerank(), "index": describe_index()}


def _describe_rerank() -> dict[str, Any]:
    """JSON Schema of `rerank`."""
    names = {"type": "string", "enum": [str(policy) for policy in POLICIES]}
    objects = [_describe_policy(str(policy), card) for policy, card in POLICIES.items()]
    return {"type": "array", "items": {"anyOf": [names, *objects]}, "description": _RERANK}


def _describe_policy(name: str, card: PolicyCard) -> dict[str, Any]:
    parameters = {
        parameter: {
            "type": "integer" if limits.whole else "number",
            "minimum": limits.least,
            "maximum": limits.most,
            "default": limits.default,
        }
        for parameter, limits in card.parameters.items()
    }
    return {
        "type": "object",
        "properties": {"policy": {"const": name}, **parameters},
        "required": ["policy"],
        "additionalProperties": False,
        "description": f"{card.meaning[0].upper()}{card.meaning[1:]}.",
    }


def _parse_rerank(value: Any) -> tuple[Step, ...]:
    try:
        return parse_steps(value)
    except ValueError as error:
        raise InvalidSettings(f"rerank: {error}") from error
