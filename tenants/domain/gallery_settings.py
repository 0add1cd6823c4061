"""What a gallery's owner may set, with its defaults and its limits."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from tenants.errors import InvalidSettings


@dataclass(frozen=True)
class GallerySettings:
    """Checked settings of a gallery.

    detect           look for main bodies in photos (else each photo is taken whole)
    max_regions      detected bodies considered per query photo, 1 to 20
    score_threshold  least cosine similarity, -1 to 1, at which a product is named instead of `unknown`
    """

    detect: bool = True
    max_regions: int = 5
    score_threshold: float = 0.85

    def __post_init__(self) -> None:
        """Refuse values that cannot work, naming the setting."""
        if not isinstance(self.detect, bool):
            raise InvalidSettings("detect must be true or false.")
        if not _is_number(self.max_regions, int) or not 1 <= self.max_regions <= 20:  # noqa: PLR2004
            raise InvalidSettings("max_regions must be a whole number from 1 to 20.")
        if not _is_number(self.score_threshold, int, float) or not -1 <= self.score_threshold <= 1:
            raise InvalidSettings("score_threshold must be a number from -1 to 1.")

    @classmethod
    def parse(cls, values: dict[str, Any]) -> "GallerySettings":
        """Settings from a plain mapping; absent ones take their default, unknown ones are refused."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InvalidSettings(
                f"Unknown setting: {', '.join(unknown)}. Settings are {', '.join(sorted(known))}."
            )
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """The settings as a plain mapping, for storing and for the API."""
        return asdict(self)


def _is_number(value: object, *types: type) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)
