"""Cards: everything the code knows of a model. Code never asks for a model's name, only for its card.

There are two conventions for a detector's input and two for its output, so that a card is all it takes to add
a model. Input: `image` (the picture alone) or `image_and_scale` (also `im_shape` and `scale_factor`, as
PaddleDetection exports want). Output: `saliency` (one map a picture) or `rows` (class, score, x1, y1, x2, y2
in original pixels).
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

InputConvention = Literal["image", "image_and_scale"]
OutputConvention = Literal["saliency", "rows"]
Interpolation = Literal["area", "linear", "cubic"]
Channels = Literal["rgb", "bgr"]
Emission = Literal["vector", "codes"]
Triple = tuple[float, float, float]

INPUT_CONVENTIONS: tuple[str, ...] = get_args(InputConvention)
OUTPUT_CONVENTIONS: tuple[str, ...] = get_args(OutputConvention)


@dataclass(frozen=True)
class ImageInput:
    """How a picture becomes the graph's tensor `name`: (batch, 3, height, width) float32.

    The picture is squashed to `width` x `height`, divided by `divisor` (None: by its own greatest value),
    then `mean` is taken off and the rest divided by `std`, channel by channel in the order of `channels`.
    `interpolation` `area` averages where the picture shrinks, and is linear where it grows. `batch` is how
    many pictures go into one run; a short batch is filled up, so the runtime compiles one shape only.
    """

    name: str
    width: int
    height: int
    mean: Triple
    std: Triple
    divisor: float | None = 255.0
    channels: Channels = "rgb"
    interpolation: Interpolation = "area"
    batch: int = 1


@dataclass(frozen=True)
class SaliencyRule:
    """How a saliency map becomes boxes; see `inference.saliency`.

    `peak`: a picture whose greatest raw value is lower has no main body (stretching would make one up);
    `threshold` on the stretched map; `opening` side of the square (in map pixels) that removes threads;
    `min_area` share of the picture; `margin` share of the box added on each side.
    """

    peak: float = 0.5
    threshold: float = 0.5
    opening: int = 3
    min_area: float = 0.005
    margin: float = 0.04


@dataclass(frozen=True)
class DetectorCard:
    """A main-body detector. `sha256` is of the ONNX file; None while the file has not been made here."""

    name: str
    file: str
    licence: str
    source: str
    input: ImageInput
    output: str
    input_convention: InputConvention
    output_convention: OutputConvention
    sha256: str | None = None
    labels: tuple[str, ...] = ()
    saliency: SaliencyRule = field(default_factory=SaliencyRule)


@dataclass(frozen=True)
class EmbedderCard:
    """An embedder: tensor `output` is (batch, dim) float32, made rows of unit length by `inference.embedder`.

    `emits` `vector`: the row as it is. `codes`: the graph ends in a hashing head, and a bit is 1 where its
    output is above `code_threshold` (0 for tanh or none, 0.5 for sigmoid).
    """

    name: str
    file: str
    licence: str
    source: str
    input: ImageInput
    output: str
    dim: int
    sha256: str | None = None
    emits: Emission = "vector"
    code_threshold: float = 0.0


Card = DetectorCard | EmbedderCard


def describe_card(card: Card) -> dict[str, Any]:
    """The card as plain data, in the form that `inference.cardfiles` reads back."""
    kind = "detector" if isinstance(card, DetectorCard) else "embedder"
    return {"kind": kind, **asdict(card)}
