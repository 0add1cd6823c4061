"""Whether a model computes what it should, on one drawn picture."""

from pathlib import Path

import numpy as np

from inference.builtin import GOLDEN
from inference.cards import Card
from inference.errors import ModelCorrupt
from inference.probe import measure_fingerprint, run_probe
from inference.sessions import SessionOptions, open_session

# bf16 costs up to a hundredth on the flat colours of a drawing; f32 differs in the last places.
_LEAST_COSINE = {"f32": 0.9999, "bf16": 0.97}


def verify_model(path: Path, card: Card, session: SessionOptions) -> None:
    """Run the graph at `path` once; compare it with its card, and with the recorded result if there is one.

    Raises CardInvalid when the graph does not fit the card, ModelCorrupt when it computes something else,
    SessionRefused when it cannot run.
    """
    opened = open_session(path, session)
    fingerprint = measure_fingerprint(run_probe(card, opened))
    golden = GOLDEN.get(card.name)
    if golden is None:
        return
    cosine = float(fingerprint @ np.asarray(golden) / np.linalg.norm(golden))
    if cosine < _LEAST_COSINE[opened.precision]:
        raise ModelCorrupt(
            f"Model {card.name} gives another result than expected on the test picture (cosine {cosine:.4f})."
            f" Delete {path} and install again."
        )
