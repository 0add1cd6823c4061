"""One run of a model on a drawn picture, to see that it computes what its card says."""

import numpy as np
import numpy.typing as npt

from inference.batches import run_batches
from inference.cards import Card, DetectorCard, EmbedderCard
from inference.detector import MainBodyDetector
from inference.errors import CardInvalid
from inference.images import Pixels
from inference.sessions import ModelSession

FINGERPRINT_LENGTH = 16

_SIDE = 256
_ROW_LENGTH = 6
_PLANES = 3


def draw_probe() -> Pixels:
    """A (256, 256, 3) picture of a striped box and a ball on a shaded ground, the same everywhere."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    picture = np.stack([200 - y // 4, 190 - y // 5, 170 + x // 8], axis=-1).astype(np.uint8)
    box = (abs(x - 105) < 45) & (abs(y - 140) < 70)  # noqa: PLR2004 - a drawing is made of numbers
    picture[box] = np.where((y[box] // 14 % 2 == 0)[:, None], (200, 30, 40), (250, 230, 60))
    ball = (x - 190) ** 2 + (y - 170) ** 2 < 35**2
    picture[ball] = (20, 60, 150)
    return picture


def run_probe(card: Card, session: ModelSession) -> npt.NDArray[np.float32]:
    """The raw output for the probe picture, after checking the graph against the card.

    Raises CardInvalid, saying what differs; SessionRefused when the runtime fails.
    """
    check_signature(card, session)
    output = _run_raw(card, session)
    if isinstance(card, EmbedderCard):
        _check_vectors(card, output)
    elif card.output_convention == "rows":
        _expect(output.ndim >= 1 and output.shape[-1] == _ROW_LENGTH, card, output, "rows of six numbers")
    else:
        _expect(output.ndim in (3, 4) and len(output) == card.input.batch, card, output, "one map a picture")
    return output


def check_signature(card: Card, session: ModelSession) -> None:
    """Compare names and fixed sizes of inputs and outputs with the card. Raises CardInvalid."""
    wanted = {card.input.name}
    if isinstance(card, DetectorCard) and card.input_convention == "image_and_scale":
        wanted |= {"im_shape", "scale_factor"}
    has = set(session.inputs)
    if has != wanted:
        raise CardInvalid(
            f"Card {card.name}: its input convention gives {_join(wanted)}, the graph wants {_join(has)}."
        )
    if card.output not in session.outputs:
        raise CardInvalid(
            f"Card {card.name}: the graph has no output {card.output!r}; it has"
            f" {_join(set(session.outputs))}."
        )
    spec = card.input
    sizes = (spec.batch, _PLANES, spec.height, spec.width)
    shape = session.inputs[spec.name]
    if len(shape) != len(sizes) or any(
        isinstance(a, int) and a != b for a, b in zip(shape, sizes, strict=True)
    ):
        raise CardInvalid(
            f"Card {card.name}: input {spec.name!r} of the graph is {list(shape)}, the card says"
            f" (batch, 3, height, width) = {list(sizes)}."
        )


def measure_fingerprint(output: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Sixteen numbers of unit length that stand for an output, to be compared by cosine.

    Sums of sixteen equal stretches, less their mean: outputs here are positive, and plain sums of any two
    would look alike.
    """
    parts = np.array_split(output.ravel().astype(np.float64), FINGERPRINT_LENGTH)
    sums = np.array([part.sum() for part in parts])
    centred = sums - sums.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-12), np.float64)


def _run_raw(card: Card, session: ModelSession) -> npt.NDArray[np.float32]:
    extra = MainBodyDetector(card, session).give_extra_feeds if isinstance(card, DetectorCard) else None
    (output,) = run_batches(session, card.input, [draw_probe()], card.output, extra)
    return output


def _check_vectors(card: EmbedderCard, output: npt.NDArray[np.float32]) -> None:
    given = output.reshape(len(output), -1).shape if output.ndim else ()
    if given != (card.input.batch, card.dim):
        raise CardInvalid(
            f"Card {card.name}: output {card.output!r} is {list(output.shape)}, the card says"
            f" (batch, dim) = {[card.input.batch, card.dim]}."
        )
    if not np.isfinite(output).all() or not np.abs(output).max() > 0:
        raise CardInvalid(
            f"Card {card.name}: output {card.output!r} holds no usable numbers for a test picture."
        )
    if card.emits == "codes":
        _check_codes(card, output)


def _check_codes(card: EmbedderCard, output: npt.NDArray[np.float32]) -> None:
    """A sigmoid head read with the threshold of a tanh head answers the same code to every picture."""
    if len(np.unique(output > card.code_threshold)) == 1:
        raise CardInvalid(
            f"Card {card.name}: output {card.output!r} is from {output.min():.3g} to {output.max():.3g} for a"
            f" test picture, all on one side of code_threshold = {card.code_threshold:g}. A sigmoid head"
            " wants 0.5, a tanh head 0."
        )


def _expect(holds: bool, card: Card, output: npt.NDArray[np.float32], what: str) -> None:  # noqa: FBT001
    if not holds:
        raise CardInvalid(f"Card {card.name}: output {card.output!r} is {list(output.shape)}, not {what}.")


def _join(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
