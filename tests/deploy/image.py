"""The image's file tree: what .dockerignore lets `COPY . .` take along."""

import shutil
from fnmatch import fnmatch
from pathlib import Path

from tests.deploy.compose import ROOT


def copy_image_tree(target: Path) -> Path:
    """Copy what the image would hold under /app."""
    kept, dropped = _read_dockerignore()
    target.mkdir()
    for name in kept:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*dropped))
        elif source.exists():
            shutil.copy(source, target / name)
    return target


def is_in_image(path: Path) -> bool:
    """Whether a file of the repository goes into the image."""
    kept, dropped = _read_dockerignore()
    parts = path.relative_to(ROOT).parts
    return parts[0] in kept and not any(fnmatch(part, pattern) for part in parts for pattern in dropped)


def _read_dockerignore() -> tuple[list[str], list[str]]:
    """Names that are let in, patterns dropped at any depth. The file must begin by dropping everything."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    first, *rules = [line for line in lines if line and not line.startswith("#")]
    if first != "*":
        raise ValueError(".dockerignore must drop everything first")
    kept = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    dropped = [rule for rule in rules if not rule.startswith("!")]
    if any(not rule.startswith("**/") for rule in dropped):
        raise ValueError("only rules of the form **/name are understood")
    return kept, [rule.removeprefix("**/") for rule in dropped]
