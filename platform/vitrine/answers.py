"""What the API answers on galleries, products, photos and queries, as far as it is read here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelRow:
    """One model's vectors in an index (representation: float, binary or hybrid).

    projected_on, binarized_on: photos that each was fitted on, None where it is not. `binarizer` is itq or
    sign; one that was fitted on no photo belongs to a model that emits codes itself.
    """

    name: str
    representation: str = "float"
    projected_on: int | None = None
    binarizer: str | None = None
    binarized_on: int | None = None
    stored_dim: int = 0


@dataclass(frozen=True)
class GalleryRow:
    """A gallery; `state` is provisioning, ready or failed; `settings` are those in effect.

    Counts of photos are those of a gallery read by itself. `job` has not ended: after a change of settings
    the one that builds the index anew, else the oldest there is.
    """

    id: str
    name: str
    state: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[ModelRow, ...] = ()
    pending: int = 0
    indexed: int = 0
    job: str | None = None


@dataclass(frozen=True)
class ProductRow:
    """A product of a gallery."""

    id: str
    sku: str
    title: str


@dataclass(frozen=True)
class ImageRow:
    """A reference image, or a labelled query, which has a SKU instead of a product.

    `state` is pending, indexed or failed. A refused upload has no id.
    """

    id: str | None
    state: str
    filename: str
    sha256: str | None = None
    product_id: str | None = None
    sku: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A product with its similarity."""

    sku: str
    title: str
    score: float


@dataclass(frozen=True)
class Setting:
    """With what an answer was made: detector, embedders and the index generation."""

    models: Mapping[str, Any] = field(default_factory=dict)
    generation: int | None = None


@dataclass(frozen=True)
class Recognition:
    """The answer of `recognize`; `product` is None where the service says that it knows none, for a `reason`.

    score: of the product, or of the best candidate, held to `threshold`.
    """

    product: Candidate | None
    candidates: tuple[Candidate, ...]
    score: float | None
    timings_ms: Mapping[str, float]
    setting: Setting
    threshold: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Search:
    """The answer of `search`: reference images, nearest first."""

    matches: tuple[tuple[str, Candidate], ...]  # image id and its product
    timings_ms: Mapping[str, float]
    setting: Setting


def read_gallery(row: Mapping[str, Any]) -> GalleryRow:
    """A gallery from its JSON."""
    counts, job = row.get("images") or {}, row.get("job")
    return GalleryRow(
        id=str(row["id"]),
        name=str(row["name"]),
        state=str(row["state"]),
        settings=row.get("settings", {}),
        models=tuple(map(_read_model, (row.get("index") or {}).get("models", ()))),
        pending=int(counts.get("pending", 0)),
        indexed=int(counts.get("indexed", 0)),
        job=None if job is None else str(job),
    )


def read_product(row: Mapping[str, Any]) -> ProductRow:
    """A product from its JSON."""
    return ProductRow(str(row["id"]), str(row["sku"]), str(row.get("title", "")))


def read_image(row: Mapping[str, Any]) -> ImageRow:
    """An image, or a labelled query, from its JSON."""
    failure = row.get("failure") or {}
    return ImageRow(
        id=str(row["id"]),
        state=str(row["state"]),
        filename=str(row.get("filename", "")),
        sha256=row.get("sha256"),
        product_id=str(row["product"]) if "product" in row else None,
        sku=row.get("sku"),
        failure_code=failure.get("code"),
        failure_message=failure.get("message"),
    )


def read_sent_photo(result: Mapping[str, Any]) -> ImageRow:
    """What became of one photo of an upload: its image, or a failed row without an id if it was refused."""
    if result.get("image"):
        return read_image(result["image"])
    error = result["error"]
    return ImageRow(
        None,
        "failed",
        str(result["filename"]),
        failure_code=error["code"],
        failure_message=error["message"],
    )


def read_recognition(body: Mapping[str, Any]) -> Recognition:
    """The answer of `recognize` from its JSON."""
    answer = body["answer"]
    score = answer.get("score")
    candidates = tuple(
        _read_candidate(each["product"], each["score"]) for each in answer.get("candidates", ())
    )
    named = answer["outcome"] == "product"
    return Recognition(
        product=_read_candidate(answer["product"], score) if named else None,
        candidates=candidates,
        score=None if score is None else float(score),
        timings_ms=dict(body.get("timings_ms", {})),
        setting=_read_setting(body),
        threshold=answer.get("threshold"),
        reason=answer.get("reason"),
    )


def read_search(body: Mapping[str, Any]) -> Search:
    """The answer of `search` from its JSON."""
    matches = tuple(
        (str(each["image_id"]), _read_candidate(each["product"], each["score"])) for each in body["matches"]
    )
    return Search(matches, dict(body.get("timings_ms", {})), _read_setting(body))


def _read_model(row: Mapping[str, Any]) -> ModelRow:
    projection, binarizer = row.get("projection") or {}, row.get("binarizer") or {}
    return ModelRow(
        name=str(row["model"]),
        representation=str(row.get("representation", "float")),
        projected_on=projection.get("fitted_on"),
        binarizer=binarizer.get("method"),
        binarized_on=binarizer.get("fitted_on"),
        stored_dim=int(row.get("stored_dim", 0)),
    )


def _read_candidate(product: Mapping[str, Any], score: float) -> Candidate:
    return Candidate(str(product["sku"]), str(product.get("title", "")), float(score))


def _read_setting(body: Mapping[str, Any]) -> Setting:
    return Setting(dict(body.get("model") or {}), (body.get("index") or {}).get("generation"))
