"""How a gallery's vectors are made, kept and searched.

What may be set hangs together: a `preset` stands for a representation and a type, a representation is held by
some types only, a type has numbers of its own. They weigh in this order: preset, representation, type, the
rest. So a change never fails over what was said before it (`merge_index`):

1. A change that names `preset` takes back the representation and type said before.
2. What else was said before and cannot go with something weightier is taken back too.
3. What the change itself says and cannot be had is refused, with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from retrieval.settings.frame import (
    DEFAULT_PRESET,
    METRICS,
    PRESETS,
    TYPE_NUMBERS,
    TYPES,
    Frame,
    Representation,
    find_misfits,
)
from retrieval.settings.kinds import Choice, Kind, Names, Number, check_known, drop_nulls
from tenants.errors import InvalidSettings

Fusion = Literal["late", "early"]

INDEX_KINDS: dict[str, Kind] = {
    "preset": Choice(
        "What the others are where nothing is said of them; by size of the gallery.",
        DEFAULT_PRESET,
        tuple(PRESETS),
    ),
    "embedders": Names("The models that see the photos; several are an ensemble.", 4),
    "fusion": Choice(
        "Of several embedders: a search each, scores summed (`late`), or their vectors joined (`early`).",
        "late",
        get_args(Fusion),
    ),
    "representation": Choice(
        "What the index holds: floats, bits, or bits for a shortlist that is rescored exactly (`hybrid`).",
        None,
        tuple(TYPES),
    ),
    "type": Choice("Type of the index.", None, tuple(TYPE_NUMBERS)),
    "M": Number("Of HNSW: links a vector.", None, 4, 64),
    "efConstruction": Number("Of HNSW: candidates looked at when a vector is added.", None, 8, 512),
    "ef": Number("Of HNSW: candidates looked at in a search.", None, 1, 32768),
    "nlist": Number("Of IVF types: lists that the vectors are sorted into.", None, 1, 65536),
    "nprobe": Number("Of IVF types: lists looked at in a search.", None, 1, 65536),
    "metric": Choice(
        "How near is measured: `cosine` or `ip` (the same on unit vectors) of floats, `hamming` of bits.",
        None,
        ("cosine", "ip", "hamming"),
    ),
    "projection": Choice("`pca` is fitted on the gallery's own photos.", "pca", ("pca", "none")),
    "dims": Number(
        "Dimensions that a projection keeps; of bits, as many bits. Null for as many as the photos bear.",
        None,
        8,
        2048,
    ),
    "whitening": Number(
        "How much louder a projection makes weak axes: each is scaled by eigenvalue^-whitening.",
        0.125,
        0,
        0.5,
        whole=False,
    ),
    "binarizer": Choice(
        "How floats become bits: a rotation fitted on the gallery (`itq`), or signs as they are.",
        "itq",
        ("itq", "sign"),
    ),
    "hamming_radius": Number("Only references within so many differing bits are found.", None, 0, 16384),
    "oversample": Number("A hybrid search rescores so many times the results asked for.", 10, 1, 100),
    "dba": Number(
        "Each reference is averaged with so many neighbours when it is indexed (database augmentation).",
        0,
        0,
        50,
    ),
}


@dataclass(frozen=True)
class IndexSettings:
    """Checked settings of a gallery's index (`INDEX_KINDS` says what each is).

    embedders: in the order said; empty while none are chosen. build, search: the type's own numbers (M,
    efConstruction, nlist; ef, nprobe). hamming_radius: None for no bound. dims: None for as many as the
    photos bear. Those that do not apply to the representation or projection have their default.
    """

    preset: str
    embedders: tuple[str, ...]
    fusion: Fusion
    representation: Representation
    type: str
    build: Mapping[str, int]
    search: Mapping[str, int]
    metric: str
    projection: Literal["pca", "none"]
    dims: int | None
    whitening: float
    binarizer: Literal["itq", "sign"]
    hamming_radius: int | None
    oversample: int
    dba: int

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> "IndexSettings":
        """Settings from what was said of them; null is the default.

        Raises `InvalidSettings`, naming the setting and the reason, for what cannot be had.
        """
        said = drop_nulls(said)
        _check_values(said)
        for _, reason in find_misfits(said):
            raise InvalidSettings(reason)
        frame = Frame.of(said)
        given = {**{name: kind.default for name, kind in INDEX_KINDS.items()}, **frame.preset, **said}
        numbers = TYPE_NUMBERS[frame.type]
        build = {name: given[name] or usual for name, usual in numbers.build.items()}
        search = {name: given[name] or usual for name, usual in numbers.search.items()}
        if "nprobe" in search and "nprobe" not in said:
            search["nprobe"] = min(search["nprobe"], build["nlist"])
        return cls(
            preset=given["preset"],
            embedders=tuple(given["embedders"] or ()),
            fusion=given["fusion"],
            representation=frame.representation,
            type=frame.type,
            build=build,
            search=search,
            metric=given["metric"] or METRICS[frame.representation][0],
            projection=given["projection"],
            dims=given["dims"],
            whitening=given["whitening"],
            binarizer=given["binarizer"],
            hamming_radius=given["hamming_radius"],
            oversample=given["oversample"],
            dba=given["dba"],
        )

    def as_dict(self) -> dict[str, Any]:
        """The settings in effect, without those that do not apply; `parse` reads it back."""
        applies: dict[str, Any] = {
            "preset": self.preset,
            "representation": self.representation,
            "type": self.type,
            **self.build,
            **self.search,
            "metric": self.metric,
            "projection": self.projection,
        }
        if self.embedders:
            applies["embedders"] = list(self.embedders)
        if len(self.embedders) > 1:
            applies["fusion"] = self.fusion
        if self.projection == "pca":
            applies |= {"dims": self.dims, "whitening": self.whitening}
        if self.representation != "float":
            applies |= {"binarizer": self.binarizer, "hamming_radius": self.hamming_radius}
        if self.representation == "hybrid":
            applies["oversample"] = self.oversample
        else:
            applies["dba"] = self.dba
        return applies

    def build_spec(self) -> dict[str, Any]:
        """The part whose change asks for a new generation of the index."""
        at_search = {"preset", "hamming_radius", "oversample", *self.search}
        return {name: value for name, value in self.as_dict().items() if name not in at_search}


def merge_index(said: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """What is said once the change is made, by the three rules above; null takes back what was said.

    Raises `InvalidSettings` for a value that cannot be; whether the change fits together, `parse` tells.
    """
    _check_values(drop_nulls(change))
    kept = {n: v for n, v in said.items() if not ("preset" in change and n in {"representation", "type"})}
    merged = drop_nulls({**kept, **change})
    while stale := next((name for name, _ in find_misfits(merged) if name not in change), None):
        del merged[stale]
    return merged


def describe_index() -> dict[str, Any]:
    """JSON Schema of each setting of the index, by name."""
    return {name: kind.describe() for name, kind in INDEX_KINDS.items()}


def _check_values(said: Mapping[str, Any]) -> None:
    check_known("setting of index", said, INDEX_KINDS)
    for name, value in said.items():
        INDEX_KINDS[name].check(name, value)
