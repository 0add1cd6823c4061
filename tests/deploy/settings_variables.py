"""The variables that settings reads, found in its source."""

import re

from tests.deploy.compose import ROOT


def find_settings_variables() -> set[str]:
    """Names given to a `read_...` function of `config.env`."""
    source = (ROOT / "platform" / "config" / "settings.py").read_text()
    return set(re.findall(r'\bread_[a-z]+\(\s*"([A-Z_]+)"', source))
