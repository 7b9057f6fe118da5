"""What the command line says when something cannot be done: one line, and an exit code.

======  ==============================================================
1       it could not be done
2       the command or a setting is wrong
130     stopped by Ctrl-C
======  ==============================================================
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import click

from api.listening import AddressUnusable
from api.roles import RoleEnded
from domain.rejection import Rejection
from infra.data_directory import DataDirectoryInUse, DataDirectoryUnusable
from infra.event_feed.exporting import ExportRefused
from infra.event_feed.importing import ImportRefused
from infra.following.beside import FactRefused
from infra.following.verifying import OtherVersion
from infra.leases import LeaseLost
from infra.migrating import MigrationRefused
from infra.postgres import UnsuitableServer
from infra.postgres_binaries import NoBinaries
from infra.postgres_cluster import EmbeddedPostgresFailed
from infra.secret_key import NoSecretKey
from infra.settings import InvalidSetting, read_settings

SENTENCES = (
    AddressUnusable,
    DataDirectoryInUse,
    DataDirectoryUnusable,
    EmbeddedPostgresFailed,
    ExportRefused,
    FactRefused,
    ImportRefused,
    LeaseLost,
    MigrationRefused,
    NoBinaries,
    NoSecretKey,
    OtherVersion,
    RoleEnded,
    UnsuitableServer,
)
OUTAGES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


@contextmanager
def refused() -> Iterator[None]:
    """Turn whatever goes wrong into one line; what nobody foresaw shows its traceback at log level debug only."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except InvalidSetting as error:
        raise click.UsageError(str(error)) from error
    except Rejection as refusal:
        raise click.ClickException(_told(refusal)) from refusal
    except SENTENCES as error:
        raise click.ClickException(_in_one_line(error)) from error
    except OUTAGES as error:
        raise click.ClickException(f"the database cannot be used: {_in_one_line(error)}") from error
    except Exception as error:
        if _debugging():
            raise
        sentence = f"unexpected {type(error).__name__}: {_in_one_line(error)}"
        raise click.ClickException(f"{sentence} (ANNALS_LOG_LEVEL=debug shows where)") from error


def _debugging() -> bool:
    try:
        return read_settings().log_level == "debug"
    except InvalidSetting:
        return False


def _told(refusal: Rejection) -> str:
    """Tell a refusal with its causes; a pointer is the name of an option here."""
    causes = "; ".join(f"{cause.pointer.removeprefix('#/')} {cause.detail}" for cause in refusal.causes)
    return f"{refusal.title}: {causes or refusal.detail}"


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
