import re
import tomllib
from pathlib import Path

from inference.cardfiles import parse_card
from inference.cards import DetectorCard

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "models.md"


def test_guide_shows_a_card_that_can_be_added() -> None:
    (card_text,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL)

    card = parse_card(tomllib.loads(card_text), where="the guide")

    assert isinstance(card, DetectorCard)
    assert (card.input.width, card.output_convention) == (640, "rows")
