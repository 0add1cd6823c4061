"""Which column of a manifest holds what."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from transfer.errors import SourceRefused

REQUIRED: Final = ("sku", "image")
COLUMNS: Final = ("sku", "title", "category", "attributes", "image", "box", "style_of", "score_threshold")
ATTRIBUTE: Final = "attributes."
# What other shop programs call these, where it can mean nothing else.
_ALSO: Final = {"title": ("name",), "image": ("image_url", "image_path", "image_link", "photo")}


@dataclass(frozen=True)
class Columns:
    """Where a manifest says what, by our names, `attributes.<name>` among them. places: the index of each;
    problems: why others could not be placed, as sentences; missing: those that every row needs or that were
    named, and are nowhere.
    """

    places: Mapping[str, int]
    problems: Mapping[str, str]
    missing: tuple[str, ...]


def check_mapping(columns: Mapping[str, str]) -> None:
    """Raises `SourceRefused` where `columns` maps a name that is none of ours."""
    for name in columns:
        if name not in COLUMNS and not (name.startswith(ATTRIBUTE) and name != ATTRIBUTE):
            known = ", ".join([*COLUMNS, f"{ATTRIBUTE}<name>"])
            raise SourceRefused(f"`columns` maps {name!r}, which is none of: {known}.")


def place_columns(found: Sequence[str], columns: Mapping[str, str]) -> Columns:
    """Find our columns among the names of a manifest.

    columns: our name to the manifest's, where it has another. Else a column is found by our name, else by
    one of the few other names that it goes by. Case, spaces, underscores and hyphens do not count, except
    where they tell two columns apart that `columns` names.
    """
    names = [" ".join(name.split()) for name in found]
    places: dict[str, int] = {}
    problems: dict[str, str] = {}
    for ours, theirs in columns.items():
        _place(ours, _find_mapped(names, theirs), names, places, problems)
    taken = set(places.values())
    free = {index: fold_name(name) for index, name in enumerate(names) if index not in taken}
    for ours in COLUMNS:
        if ours not in columns:
            _place(ours, _find_named(free, ours), names, places, problems)
    for index, folded in free.items():
        if folded.startswith(ATTRIBUTE) and (attribute := names[index].partition(".")[2].strip()):
            ours = ATTRIBUTE + attribute
            if ours not in columns:
                _place(ours, [*_find_placed(places, ours), index], names, places, problems)
    wanted = dict.fromkeys([*REQUIRED, *columns])
    return Columns(places, problems, tuple(ours for ours in wanted if ours not in {**places, **problems}))


def fold_name(name: str) -> str:
    """The name without what people vary: case, spaces, underscores, hyphens."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if c not in "_-" and not c.isspace())


def _find_mapped(names: Sequence[str], theirs: str) -> list[int]:
    plain = " ".join(theirs.split())
    exact = [index for index, name in enumerate(names) if name == plain]
    return exact or [index for index, name in enumerate(names) if fold_name(name) == fold_name(plain)]


def _find_named(free: Mapping[int, str], ours: str) -> list[int]:
    own = [index for index, folded in free.items() if folded == fold_name(ours)]
    others = {fold_name(other) for other in _ALSO.get(ours, ())}
    return own or [index for index, folded in free.items() if folded in others]


def _find_placed(places: Mapping[str, int], ours: str) -> list[int]:
    return [places[ours]] if ours in places else []


def _place(
    ours: str, found: Sequence[int], names: Sequence[str], places: dict[str, int], problems: dict[str, str]
) -> None:
    if len(found) == 1:
        places[ours] = found[0]
    elif found:
        named = ", ".join(repr(names[index]) for index in sorted(found))
        problems[ours] = f"{ours} may be any of the columns {named}; say which, or name each once."
        places.pop(ours, None)
