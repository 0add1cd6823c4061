"""The weightiest settings of an index, and which of the others can go with them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Representation = Literal["float", "binary", "hybrid"]

DEFAULT_PRESET = "balanced"
# By size of the gallery: `exact` to some 20,000 photos, `balanced` to a million, `fast` where load is high
# and a missed neighbour in fifty is fine, `compact` for millions in a 32nd of the memory.
PRESETS: dict[str, dict[str, Any]] = {
    "exact": {"representation": "float", "type": "FLAT"},
    "balanced": {"representation": "float", "type": "HNSW", "M": 16, "efConstruction": 200, "ef": 128},
    "fast": {"representation": "float", "type": "HNSW", "M": 16, "efConstruction": 100, "ef": 64},
    "compact": {"representation": "hybrid", "type": "BIN_FLAT"},
}
TYPES: dict[str, tuple[str, ...]] = {
    "float": ("FLAT", "IVF_FLAT", "IVF_SQ8", "HNSW"),
    "binary": ("BIN_FLAT", "BIN_IVF_FLAT"),
    "hybrid": ("BIN_FLAT", "BIN_IVF_FLAT"),
}
METRICS: dict[str, tuple[str, ...]] = {
    "float": ("cosine", "ip"),
    "binary": ("hamming",),
    "hybrid": ("hamming",),
}


@dataclass(frozen=True)
class TypeNumbers:
    """The numbers that an index type is built with, and those it is searched with, with their defaults."""

    build: Mapping[str, int]
    search: Mapping[str, int]


_NONE = TypeNumbers({}, {})
_LISTS = TypeNumbers({"nlist": 1024}, {"nprobe": 32})
TYPE_NUMBERS: dict[str, TypeNumbers] = {
    "FLAT": _NONE,
    "IVF_FLAT": _LISTS,
    "IVF_SQ8": _LISTS,
    "HNSW": TypeNumbers({"M": 16, "efConstruction": 200}, {"ef": 128}),
    "BIN_FLAT": _NONE,
    "BIN_IVF_FLAT": _LISTS,
}

_Rule = tuple[str, bool, str]


@dataclass(frozen=True)
class Frame:
    """The settings on which it hangs what the others may be."""

    preset: Mapping[str, Any]
    representation: Representation
    type: str

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Frame":
        """From checked values. The type is that said, else the preset's, else the first that can hold it."""
        preset = PRESETS[said.get("preset", DEFAULT_PRESET)]
        representation = said.get("representation", preset["representation"])
        usual = TYPES[representation]
        wanted = (said.get("type"), preset["type"], usual[0])
        return cls(preset, representation, next(kind for kind in wanted if kind in usual))


def find_misfits(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(setting, reason) of what was said and cannot go with something weightier, the weightiest first.

    said: checked values, without nulls.
    """
    frame = Frame.of(said)
    rules = (*_hold(said, frame), *_count(said, frame), *_make_bits(said, frame), *_combine(said))
    return ((name, f"{name} {reason}") for name, fits, reason in rules if name in said and not fits)


def _hold(said: Mapping[str, Any], frame: Frame) -> list[_Rule]:
    """(setting, whether it fits, the reason if not) of what must hold and measure the vectors."""
    kept = frame.representation
    kind, types = said.get("type"), TYPES[kept]
    metric, metrics = said.get("metric"), METRICS[kept]
    return [
        ("type", kind in types, f"{kind} cannot hold representation {kept}. It takes {' or '.join(types)}."),
        (
            "metric",
            metric in metrics,
            f"{metric} cannot measure {kept} vectors. Take {' or '.join(metrics)}.",
        ),
    ]


def _count(said: Mapping[str, Any], frame: Frame) -> list[_Rule]:
    """The same of the types' numbers."""
    numbers = TYPE_NUMBERS[frame.type]
    lists = said.get("nlist", numbers.build.get("nlist", 0))
    foreign = f"is no number of type {frame.type}. Leave it out."
    names = {name for known in TYPE_NUMBERS.values() for name in (*known.build, *known.search)}
    return [
        *((name, name in (*numbers.build, *numbers.search), foreign) for name in sorted(names)),
        ("nprobe", said.get("nprobe", 0) <= lists, f"cannot be greater than nlist, which is {lists}."),
    ]


def _make_bits(said: Mapping[str, Any], frame: Frame) -> list[_Rule]:
    """The same of what needs bits, or does not go with them."""
    in_bits, hybrid = frame.representation != "float", frame.representation == "hybrid"
    no_bits = "needs representation binary or hybrid: floats have no bits."
    rescored = "cannot go with representation hybrid, which rescores the photos' own vectors."
    ragged = in_bits and said.get("dims", 0) % 8
    return [
        ("binarizer", in_bits, no_bits),
        ("hamming_radius", in_bits, no_bits),
        ("oversample", hybrid, "needs representation hybrid: only there is a shortlist rescored."),
        ("dba", not (hybrid and said.get("dba")), rescored),
        ("dims", not ragged, "must be a multiple of 8 where each dimension becomes a bit."),
    ]


def _combine(said: Mapping[str, Any]) -> list[_Rule]:
    """The same of what hangs on neither."""
    projected = said.get("projection") != "none"
    return [
        *(
            (name, projected, "belongs to projection pca. Leave it out with none.")
            for name in ("dims", "whitening")
        ),
        ("fusion", len(said.get("embedders", ())) > 1, "needs two embedders or more."),
    ]
