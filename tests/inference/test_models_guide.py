import re
import tomllib
from pathlib import Path

from inference.cardfiles import parse_card
from inference.cards import DetectorCard, EmbedderCard

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "models.md"


def test_guide_shows_cards_that_can_be_added() -> None:
    texts = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL)

    detector, embedder = (parse_card(tomllib.loads(text), where="the guide") for text in texts)

    assert isinstance(detector, DetectorCard)
    assert (detector.input.width, detector.output_convention) == (640, "rows")
    assert isinstance(embedder, EmbedderCard)
    assert (embedder.dim, embedder.emits, embedder.code_threshold) == (64, "codes", 0.5)
