"""Under which user the embedded server runs, and where that user can reach its programs and its cluster.

A plain user runs the server itself, in the data directory. PostgreSQL refuses to run as root, so root runs it as
``nobody``, or as the user whose directory it is. Modes of existing directories are never changed for that: what this
user cannot reach (below a closed home, say) is put into one of ``HOMES`` instead, and a log line says so.
"""

import asyncio
import contextlib
import os
import pwd
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from infra.data_directory import DataDirectory, DataDirectoryUnusable
from infra.postgres_binaries import copied_binaries, installed_binaries

HOMES = (Path("/var/lib/annals"), Path("/var/tmp/annals"))  # noqa: S108  (/var/tmp outlives a reboot; owner checked)
LAUNCHER = Path(__file__).with_name("postgres_launcher.py")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # nothing of ours, and no PG* variables

log = structlog.get_logger(__name__)


class Account(msgspec.Struct, frozen=True):
    """A user that root becomes."""

    uid: int
    gid: int


class Place(msgspec.Struct, frozen=True):
    """Where the server's programs are, and the directory that holds its cluster; ``account`` is None for ourselves."""

    account: Account | None
    programs: Path
    home: Path

    @property
    def cluster(self) -> Path:
        return self.home / "postgres"

    @property
    def lock(self) -> Path:
        return self.home / "postgres.lock"

    def command(self, directory: Path, *program: str) -> list[str]:
        """Return the command that runs ``program`` in ``directory`` under the account, ending with this process."""
        return launch_command(self.account, directory, *program)

    def private_directory(self, path: Path) -> Path:
        """Make a new directory that only the server's user can enter."""
        path.mkdir(mode=0o700)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Let the server's user own what root has just made."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)


def launch_command(account: Account | None, directory: Path, *program: str) -> list[str]:
    user = "-" if account is None else f"{account.uid}:{account.gid}"
    return [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), user, str(directory), *program]


async def find_place(data: DataDirectory, homes: Sequence[Path] = HOMES) -> Place:
    """Decide on user, programs and home; an existing cluster stays where ``postgres.json`` says it is.

    Raise ``NoBinaries`` or ``DataDirectoryUnusable``.
    """
    known = data.whereabouts()
    if known is not None and not (known.home / "postgres").exists():
        raise DataDirectoryUnusable(
            f"the events of {data.path} were kept in {known.home}, which is gone: restore it, "
            f"or begin anew by deleting {data.path / 'postgres.json'}"
        )
    home = known.home if known is not None else data.path
    programs = installed_binaries()
    if os.geteuid() != 0:
        _refuse_anothers(home / "postgres")
        return Place(account=None, programs=programs, home=home)
    account = _account(home)
    if not await _reaches(account, Path("/"), programs):
        programs = copied_binaries(programs, _home(homes))
        log.info("PostgreSQL runs from a copy, its user cannot reach the original", uid=account.uid, copy=str(programs))
    if known is None and not await _reaches(account, home, programs):
        home = Path(tempfile.mkdtemp(prefix=f"{data.path.parent.name}-", dir=_home(homes)))
        home.chmod(0o711)
        log.warning(
            "the events are kept elsewhere, PostgreSQL's user cannot reach the data directory",
            data_dir=str(data.path),
            uid=account.uid,
            kept_in=str(home),
        )
    return Place(account=account, programs=programs, home=home)


def _refuse_anothers(cluster: Path) -> None:
    if cluster.exists() and (owner := cluster.stat().st_uid) != os.geteuid():
        raise DataDirectoryUnusable(f"{cluster} belongs to user {owner}: run as that user or as root")


def _account(home: Path) -> Account:
    """Return whom root becomes: the owner of the cluster, else of the directory where that is a user, else ``nobody``.

    A new cluster needs a user with a name, for initdb looks it up.
    """
    cluster = home / "postgres"
    owner = (cluster if cluster.exists() else home).stat()
    if owner.st_uid != 0 and (cluster.exists() or _has_name(owner.st_uid)):
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise DataDirectoryUnusable(
            "PostgreSQL does not run as root and there is no user nobody: "
            "run as a plain user, or set ANNALS_DATABASE_URL"
        ) from None
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def _has_name(uid: int) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(uid))
    return False


async def _reaches(account: Account, directory: Path, programs: Path) -> bool:
    """Try it: modes alone do not tell (access lists, mounts)."""
    command = launch_command(account, directory, str(programs / "initdb"), "--version")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, stdin=quiet, stdout=quiet, stderr=quiet, env=ENVIRONMENT, cwd="/"
    )
    return await process.wait() == 0


def _home(homes: Sequence[Path]) -> Path:
    """Return the first of ``homes`` that can be had: ours, writable for nobody else, open to pass through."""
    for home in homes:
        try:
            home.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError:
            continue
        state = home.lstat()
        if home.is_dir() and not home.is_symlink() and state.st_uid == 0 and state.st_mode & 0o022 == 0:
            return home
    raise DataDirectoryUnusable(f"PostgreSQL's user reaches none of {', '.join(map(str, homes))}")
