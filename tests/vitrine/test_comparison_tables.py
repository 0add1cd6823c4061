from rich.console import Console

from tests.vitrine.comparisons import make_body
from vitrine.comparison_tables import print_comparison
from vitrine.comparisons import read_comparison


def test_recommended_way_is_marked_and_shares_are_shown() -> None:
    console = Console(record=True, width=200)
    print_comparison(console, read_comparison(make_body(0.5, 0.75, recommended=1)))
    plain, aqe = (line.split() for line in console.export_text().splitlines() if "100.0%" in line)
    assert plain == ["plain", "50.0%", "100.0%", "50.0%", "25.0%", "25.0%", "-", "12.5"]
    assert aqe == ["aqe", "(recommended)", "75.0%", "100.0%", "75.0%", "37.5%", "25.0%", "-", "12.5"]
