"""Takes the walls between tenants away, one at a time, and names the tests that notice.

    python -m stack run --var var/walls -- python -m tests.security.walls [WALL ...]

Ends with 1 where nothing noticed. It is a plugin of pytest, too, which is how it takes them away.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Generator

import django
import pytest
from pytest_django.plugin import blocking_manager_key

TESTS = [
    "tests/security",
    "tests/api/test_media.py",
    "tests/retrieval/index/test_store_isolation.py",
    "tests/retrieval/test_matches.py",
    "tests/tenants/postgresql",
    "tests/tenants/test_owned.py",
    "tests/tenants/test_ownership.py",
]
NONE = "none"
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?)::(\w+)", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--without`: the wall, or `none`."""
    parser.addoption("--without", required=True)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take a wall of the code away, before the first test."""
    from tests.security.breaches import WALLS  # noqa: PLC0415 - Django is set up by now

    wall = WALLS.get(session.config.getoption("without"))
    if wall and not wall.in_database:
        wall.lower()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: "pytest.FixtureDef[object]", request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Take a wall of the database away, as soon as there is one."""
    from tests.security.breaches import WALLS  # noqa: PLC0415 - as above

    made = yield
    wall = WALLS.get(request.config.getoption("without"))
    if wall and wall.in_database and fixturedef.argname == "django_db_setup":
        with request.config.stash[blocking_manager_key].unblock():
            wall.lower()
    return made


def find_witnesses(wall: str) -> Counter[str]:
    """How many cases of each test fail without the wall, by `file::test`."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", "-p", "tests.security.walls"]
    ran = subprocess.run(
        [*command, "--without", wall, *TESTS],
        stdout=subprocess.PIPE,
        check=False,
        text=True,
        env={**os.environ, "PYTHONPATH": ".:platform"},
    )
    if ran.returncode not in {0, 1}:
        sys.exit(f"pytest could not run without {wall}:\n{ran.stdout[-3000:]}")
    return Counter(f"{path}::{test}" for path, test in _FAILED.findall(ran.stdout))


def main() -> int:
    """Print a section a wall, in Markdown."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.security.breaches import WALLS  # noqa: PLC0415 - as above

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("walls", nargs="*", metavar="WALL", help=", ".join(WALLS))
    unnoticed = []
    walls = parser.parse_args().walls or list(WALLS)
    failing = find_witnesses(NONE)
    for test in failing:
        sys.stdout.write(f"`{test}` fails with every wall standing, and is left out below.\n")
    for wall in walls:
        witnesses = {test: n for test, n in find_witnesses(wall).items() if n > failing[test]}
        sys.stdout.write(f"\n### Without {WALLS[wall].title} (`{wall}`)\n\n")
        for test, cases in sorted(witnesses.items()):
            sys.stdout.write(f"- `{test}`{f' ({cases} cases)' if cases > 1 else ''}\n")
        sys.stdout.flush()
        if not witnesses:
            unnoticed.append(wall)
    if unnoticed:
        sys.stdout.write(f"\nNothing noticed: {', '.join(unnoticed)}\n")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
