"""Pictures through a graph, a fixed number at a time.

A run always has the shape the card names, because OpenVINO compiles kernels for every new shape: the first
batch of each new length costs 2 to 4 times its later price, and longer batches gain nothing on a CPU.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from inference.cards import ImageInput
from inference.images import Pixels
from inference.preprocess import Tensor, prepare_image
from inference.sessions import ModelSession

ExtraFeeds = Callable[[Sequence[Pixels]], Mapping[str, Tensor]]


def run_batches(
    session: ModelSession,
    spec: ImageInput,
    images: Sequence[Pixels],
    output: str,
    extra: ExtraFeeds | None = None,
) -> Iterator[Tensor]:
    """The tensor `output` of every run, in the order of `images`.

    `extra` gives further inputs for the pictures of a run. The last run is filled up with its last picture,
    so its output may hold more than was asked for.
    """
    for start in range(0, len(images), spec.batch):
        chunk = list(images[start : start + spec.batch])
        chunk += chunk[-1:] * (spec.batch - len(chunk))
        feeds = {spec.name: np.stack([prepare_image(image, spec) for image in chunk])}
        if extra is not None:
            feeds.update(extra(chunk))
        yield session.run(feeds, output)
