"""What a product's attributes may hold, however they come in."""

import json
import math
import re
from typing import Any, Final

MAX_ATTRIBUTES = 100
MAX_ATTRIBUTES_BYTES = 64 * 1024
MAX_ATTRIBUTES_DEPTH = 10
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def find_attributes_problem(attributes: dict[str, Any]) -> str | None:
    """Why these attributes cannot be kept, as a sentence; None when they can.

    Bounds the number of names, their depth and their size as JSON, and finds what PostgreSQL's jsonb does
    not take: NUL, half of a surrogate pair, infinity.
    """
    if len(attributes) > MAX_ATTRIBUTES:
        return f"At most {MAX_ATTRIBUTES} attributes."
    if problem := _find_unstorable(attributes, MAX_ATTRIBUTES_DEPTH):
        return problem
    if len(json.dumps(attributes, ensure_ascii=False).encode()) > MAX_ATTRIBUTES_BYTES:
        return f"At most {MAX_ATTRIBUTES_BYTES // 1024} KiB of JSON."
    return None


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes the text: no NUL and no half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def _find_unstorable(value: Any, depth: int) -> str | None:
    if depth < 0:
        return f"At most {MAX_ATTRIBUTES_DEPTH} levels of nesting."
    if isinstance(value, dict):
        return _find_unstorable([*value.keys(), *value.values()], depth)
    if isinstance(value, list):
        problems = (_find_unstorable(inner, depth - 1) for inner in value)
        return next((problem for problem in problems if problem), None)
    if isinstance(value, str) and not is_storable(value):
        return "Text with NUL characters or broken surrogate pairs."
    if isinstance(value, float) and not math.isfinite(value):
        return "Numbers must be finite."
    return None
