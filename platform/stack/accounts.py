"""The account that PostgreSQL runs as when we are root, and places which that account can reach."""

import os
import pwd
import shutil
import tempfile
from pathlib import Path

from stack.child import Account
from stack.errors import AccountMissing

HOMES = (Path("/var/lib/vitrine"), Path("/var/tmp/vitrine"))  # noqa: S108 - a fallback that survives a reboot
OWNER_FILE = "belongs-to"


def unprivileged_account() -> Account | None:
    """None unless we are root; then `nobody`, which every system has, so no account need be made."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise AccountMissing(
        "PostgreSQL refuses to run as root, and this machine has no account `nobody` to run it as. "
        "Start as another user, or set DATABASE_URL to a server of your own."
    )


def can_reach(path: Path, account: Account) -> bool:
    """Whether the account may pass through every directory above `path` (mode bits; no ACLs)."""
    for parent in path.resolve().parents:
        status = parent.stat()
        shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
        if not status.st_mode >> shift & 1:
            return False
    return True


def place_data(wanted: Path, account: Account | None) -> Path:
    """The directory to use for `wanted`: itself, or one elsewhere that `wanted` then links to.

    A checkout below /root (mode 0700) is out of reach for every account but root. Opening /root to all
    would be the wrong answer, so the data goes to /var/lib/vitrine and the link says where.
    """
    if wanted.is_symlink():
        return wanted.resolve()
    if account is None or wanted.exists() or can_reach(wanted, account):
        wanted.mkdir(exist_ok=True, mode=0o711)
        return wanted
    home = make_home(account)
    remove_abandoned(home, wanted)
    place = Path(tempfile.mkdtemp(prefix="stack-", dir=home))
    place.chmod(0o711)
    (place / OWNER_FILE).write_text(str(wanted))
    wanted.symlink_to(place)
    return place


def make_home(account: Account) -> Path:
    """The first of HOMES that can be made and reached."""
    for home in HOMES:
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o711)
        except OSError:
            continue
        if home.stat().st_uid == 0 and can_reach(home / "any", account):
            return home
    raise AccountMissing(
        f"PostgreSQL must run as an account other than root, and neither {HOMES[0]} nor {HOMES[1]} "
        "can be made for it. Put the var directory where others may pass (VITRINE_VAR), or set DATABASE_URL."
    )


def remove_abandoned(home: Path, owner: Path) -> None:
    """Drop the data of an earlier var directory of the same name, which was deleted with its link."""
    for mark in home.glob(f"stack-*/{OWNER_FILE}"):
        if mark.read_text() == str(owner):
            shutil.rmtree(mark.parent)
