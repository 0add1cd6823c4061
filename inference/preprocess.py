"""Pictures to input tensors, as a card says."""

import cv2
import numpy as np
import numpy.typing as npt

from inference.cards import ImageInput, Interpolation
from inference.images import Pixels

Tensor = npt.NDArray[np.float32]

_ENLARGING: dict[Interpolation, int] = {
    "area": cv2.INTER_LINEAR,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
}


def prepare_image(image: Pixels, spec: ImageInput) -> Tensor:
    """(H, W, 3) uint8 RGB to (3, spec.height, spec.width) float32."""
    small = resize_image(image, width=spec.width, height=spec.height, interpolation=spec.interpolation)
    if spec.channels == "bgr":
        small = small[:, :, ::-1]
    # An all-black picture has no greatest value to divide by.
    divisor = spec.divisor if spec.divisor is not None else max(float(small.max()), 1.0)
    mean = np.asarray(spec.mean, np.float32)[:, None, None]
    std = np.asarray(spec.std, np.float32)[:, None, None]
    planes = np.ascontiguousarray(small.transpose(2, 0, 1), dtype=np.float32)
    planes *= 1 / (np.float32(divisor) * std)
    planes -= mean / std
    return planes


def resize_image(image: Pixels, *, width: int, height: int, interpolation: Interpolation) -> Pixels:
    """Squash to `width` x `height`, aspect not kept. `area` averages where both sides shrink."""
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    method = cv2.INTER_AREA if interpolation == "area" and shrinks else _ENLARGING[interpolation]
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
