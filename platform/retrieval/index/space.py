"""Where a gallery's vectors of one model lie in the index, how they are indexed there, and how searched."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

# What lies in Milvus; a hybrid gallery stores binary there and rescores from PostgreSQL.
Stored = Literal["float", "binary"]
Metric = Literal["COSINE", "IP", "HAMMING"]

_BYTE = 8


@dataclass(frozen=True)
class IndexBuild:
    """An index's type as Milvus names it (FLAT, IVF_FLAT, IVF_SQ8, HNSW, BIN_FLAT, BIN_IVF_FLAT) and what it
    is built with: pairs of name and number (M, efConstruction; nlist).
    """

    type: str
    params: tuple[tuple[str, int], ...] = ()

    @property
    def numbers(self) -> dict[str, int]:
        """The parameters by name."""
        return dict(self.params)


HNSW = IndexBuild("HNSW", (("M", 16), ("efConstruction", 200)))


@dataclass(frozen=True)
class Space:
    """One tenant's one gallery, as one model sees it. Every call to the store names its space whole.

    model: [A-Za-z0-9_], so many characters that the collection's name stays within Milvus's 255.
    dim: floats of a vector, or bits of a code: a multiple of 8.
    generation: counts the collections that took each other's place. A query is made for one of them (its
    projection, its rotation), so each is named outright; which one is in use is written in PostgreSQL.
    Raises `ValueError` for what no collection can be.
    """

    tenant_id: UUID
    gallery_id: UUID
    model: str
    dim: int
    generation: int
    stored: Stored = "float"
    index: IndexBuild = HNSW
    metric: Metric = "COSINE"

    def __post_init__(self) -> None:
        binary = self.stored == "binary"
        if binary != (self.metric == "HAMMING") or binary != self.index.type.startswith("BIN_"):
            raise ValueError(f"{self.index.type} by {self.metric} cannot hold {self.stored} vectors")
        if self.dim < 1 or (binary and self.dim % _BYTE):
            raise ValueError(
                f"{self.dim} is no length of a {self.stored} vector; bits come in multiples of 8"
            )

    @property
    def collection(self) -> str:
        """The name of the collection."""
        place = f"t{self.tenant_id.hex}_g{self.gallery_id.hex}"
        return f"{place}_{self.model}_{self.stored}_v{self.generation}"


@dataclass(frozen=True)
class SearchParams:
    """How far a search looks; None leaves it to the store.

    ef: length of the list of candidates of HNSW. nprobe: inverted lists that IVF looks into.
    radius: only codes within so many differing bits, the bound included; for hamming.
    """

    ef: int | None = None
    nprobe: int | None = None
    radius: int | None = None
