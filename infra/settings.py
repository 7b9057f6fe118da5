"""Everything that can be configured, read once from the environment; no other module looks at the environment.

The variable of a setting is its name in capitals after ``ANNALS_``. A secret may instead be the text of a file, whose
path is in the variable with ``_FILE`` after it.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

PREFIX = "ANNALS_"
MASK = "********"

Role = Literal["api", "followers", "executor", "rules", "delivery", "prober"]
LogLevel = Literal["debug", "info", "warning", "error"]

EncryptionKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
#: ISO 8601, of weeks at most, as in requests to lock jobs.
DURATION = r"^P(?=[0-9T])([0-9]{1,4}W)?([0-9]{1,5}D)?(T(?=[0-9])([0-9]{1,6}H)?([0-9]{1,8}M)?([0-9]{1,9}S)?)?$"
#: A path, or the URL of a host that proves who it is; on the machine itself it need not.
JWKS = r"^(https://[!-~]+|http://(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?(/[!-~]*)?|(?![A-Za-z][A-Za-z0-9+.-]*://).+)$"
#: The name of a host or its address, that of IPv6 in brackets, and a port where only that one is meant.
HOST_OR_TARGET = r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$"
#: Ten attempts over three days (https://www.standardwebhooks.com).
RETRIES = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
Limit = Annotated[int, Meta(ge=1, le=1_000_000)]
LIMIT = "a number from 1 to 1000000"
PositiveSeconds = Annotated[float, Meta(gt=0, le=86_400)]


class InvalidSetting(Exception):
    """A variable has a value that it cannot have; the sentence names it and says what is expected."""


def _about(meaning: str, *, expects: str, secret: bool = False) -> Meta:
    return Meta(extra={"meaning": meaning, "expects": expects, "secret": secret})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a process. Times are in seconds, sizes as their names say."""

    host: Annotated[str, Meta(min_length=1), _about("address to listen on", expects="an address")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535), _about("port to listen on, 0 for any free one", expects="a number from 0 to 65535")
    ] = 8080
    data_dir: Annotated[
        Path, _about("directory of the embedded PostgreSQL and of generated secrets", expects="a directory")
    ] = Path(".annals")
    roles: Annotated[
        tuple[Role, ...],
        Meta(min_length=1),
        _about(
            "what this node does, a comma list: api answers requests, followers fill read models,"
            " executor runs the engine's tasks, rules evaluates alert rules, delivery tells webhooks,"
            " prober probes checks",
            expects="a comma list of api, followers, executor, rules, delivery, prober",
        ),
    ] = ("api", "followers", "executor", "rules", "delivery")
    database_url: Annotated[
        Annotated[str, Meta(pattern="^postgres(ql)?://")] | None,
        _about(
            "URL of PostgreSQL 15 to 18; without it an embedded one", expects="postgresql://user@host/name", secret=True
        ),
    ] = None
    redis_url: Annotated[
        Annotated[str, Meta(pattern="^(rediss?|unix)://")] | None,
        _about(
            "URL of the Redis for wake-ups, rate limits and kept answers over all nodes;"
            " without it PostgreSQL's NOTIFY wakes them, and each counts and keeps by itself",
            expects="redis://host:6379/0",
            secret=True,
        ),
    ] = None
    bootstrap_key: Annotated[
        Annotated[str, Meta(pattern="^[!-~]{1,512}$")] | None,
        _about("first owner key of tenant default; without it one is generated", expects="a key", secret=True),
    ] = None
    secret_key: Annotated[
        tuple[Annotated[str, Meta(min_length=16)], ...],
        _about(
            "peppers API keys and signs cursors, a comma list, the same on all nodes;"
            " generated into the data directory without it",
            expects="a comma list, new to old, of secrets of at least 16 characters",
            secret=True,
        ),
    ] = ()
    encryption_keys: Annotated[
        tuple[EncryptionKey, ...],
        _about(
            "encrypt variables (AES-256-GCM), a comma list of 32 bytes each in base64: the first encrypts, all decrypt",
            expects="a comma list, new to old, of keys that are 32 bytes in base64",
            secret=True,
        ),
    ] = ()
    jwt_secret: Annotated[
        Annotated[str, Meta(min_length=16)] | None,
        _about(
            "secret under which tokens (JWT) are signed with HS256, 32 random bytes or more",
            expects="at least 16 characters",
            secret=True,
        ),
    ] = None
    jwks: Annotated[
        Annotated[str, Meta(pattern=JWKS)] | None,
        _about(
            "file or URL of the keys (JWKS) for tokens signed with RS256, ES256 or EdDSA",
            expects="a path, an https:// URL, or an http:// URL of this machine",
        ),
    ] = None
    jwt_issuer: Annotated[
        str, Meta(min_length=1, max_length=1_000), _about("issuer (iss) of tokens", expects="a text")
    ] = "annals"
    jwt_audience: Annotated[
        str, Meta(min_length=1, max_length=1_000), _about("audience (aud) of tokens", expects="a text")
    ] = "annals"
    free_limit: Annotated[
        Limit, _about("requests a minute to the APIs about incidents, for each credential, on plan free", expects=LIMIT)
    ] = 60
    pro_limit: Annotated[Limit, _about("the same on plan pro", expects=LIMIT)] = 600
    enterprise_limit: Annotated[Limit, _about("the same on plan enterprise", expects=LIMIT)] = 6_000
    engine_limit: Annotated[
        Limit | None,
        _about("requests a minute to the engine's API, for each credential; without it any number", expects=LIMIT),
    ] = None
    intake_limit: Annotated[Limit, _about("inbound webhooks a minute, for each intake", expects=LIMIT)] = 600
    engine_id: Annotated[
        str, Meta(min_length=1, max_length=100), _about("name of the engine in locks", expects="1 to 100 characters")
    ] = "default-engine"
    task_executor_enabled: Annotated[
        bool, _about("execute due tasks at once; else POST /tasks/execute does", expects="true or false")
    ] = True
    task_retry_limit: Annotated[
        int,
        Meta(ge=0, le=1_000),
        _about("how often the engine tries a failed task of its own again", expects="a number from 0 to 1000"),
    ] = 0
    job_lock_timeout: Annotated[
        Annotated[str, Meta(pattern=DURATION)] | None,
        _about(
            "time until a worker's lock of a job expires, an ISO 8601 duration such as PT5M; without it never",
            expects="a duration such as PT5M",
        ),
    ] = None
    alert_evaluation_seconds: Annotated[
        PositiveSeconds,
        _about("time from one evaluation of the alert rules to the next, in seconds", expects="seconds, more than 0"),
    ] = 60.0
    prober_region: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None,
        _about(
            "region that the role prober probes from and reports as; that role needs it",
            expects="1 to 64 letters, digits, dots, hyphens and underscores",
        ),
    ] = None
    prober_special_addresses: Annotated[
        bool,
        _about(
            "let checks be probed at private, link-local, loopback and other special addresses",
            expects="true or false",
        ),
    ] = False
    webhook_private_targets: Annotated[
        tuple[Annotated[str, Meta(pattern=HOST_OR_TARGET)], ...],
        _about(
            "hosts that webhooks may have at private addresses and by plain http, a comma list of host or host:port",
            expects="a comma list of host or host:port",
        ),
    ] = ()
    webhook_ports: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=65_535)], ...],
        Meta(min_length=1),
        _about("ports that webhooks may have elsewhere, a comma list", expects="a comma list of ports"),
    ] = (443, 8443)
    webhook_timeout: Annotated[
        PositiveSeconds,
        _about("longest wait for the answer of a webhook's receiver, in seconds", expects="seconds, more than 0"),
    ] = 15.0
    webhook_retries: Annotated[
        tuple[PositiveSeconds, ...],
        _about(
            "times from an attempt to deliver to the next, a comma list in seconds",
            expects="a comma list of seconds, more than 0",
        ),
    ] = RETRIES
    set_time_enabled: Annotated[bool, _about("allow PATCH /time", expects="true or false")] = False
    log_level: Annotated[
        LogLevel,
        _about("least severe log lines: debug, info, warning or error", expects="debug, info, warning or error"),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "console"],
        _about(
            "form of log lines: json, console, or auto, which is console at a terminal and else json",
            expects="auto, json or console",
        ),
    ] = "auto"
    state_cache_size: Annotated[
        int,
        Meta(ge=0, le=10_000_000),
        _about("instances and incidents whose states are kept in memory", expects="a number from 0 to 10000000"),
    ] = 20_000
    command_connections: Annotated[
        int, Meta(ge=1, le=1_000), _about("database connections for commands", expects="a number from 1 to 1000")
    ] = 4
    query_connections: Annotated[
        int, Meta(ge=1, le=1_000), _about("database connections for queries", expects="a number from 1 to 1000")
    ] = 8
    follower_connections: Annotated[
        int, Meta(ge=1, le=1_000), _about("database connections for followers", expects="a number from 1 to 1000")
    ] = 12  # each lease of a node keeps one
    acquire_timeout: Annotated[
        PositiveSeconds, _about("longest wait for a database connection, in seconds", expects="seconds, more than 0")
    ] = 5.0
    command_timeout: Annotated[
        PositiveSeconds,
        _about("longest time of a statement of commands and queries, in seconds", expects="seconds, more than 0"),
    ] = 5.0
    query_wait: Annotated[
        PositiveSeconds,
        _about("longest wait of a query for its read model, in seconds", expects="seconds, more than 0"),
    ] = 5.0
    stop_timeout: Annotated[
        PositiveSeconds,
        _about("longest wait for open requests when stopping, in seconds", expects="seconds, more than 0"),
    ] = 10.0

    def __repr__(self) -> str:
        """Show names and values, secrets masked: a settings object ends up in logs and tracebacks."""
        return f"Settings({', '.join(f'{row.name}={row.value}' for row in describe(self))})"


class SettingRow(msgspec.Struct, frozen=True):
    """A line of ``annals settings``; ``value`` and ``default`` are text, a secret's value is masked."""

    name: str
    variable: str
    meaning: str
    expects: str
    default: str
    value: str
    secret: bool


HINTS: Mapping[str, Any] = get_type_hints(Settings, include_extras=True)
SEVERAL = frozenset(
    {"roles", "secret_key", "encryption_keys", "webhook_private_targets", "webhook_ports", "webhook_retries"}
)
OFF = frozenset({"", "off", "none"})


def read_settings(environment: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment, or from ``environment``; ``overrides`` are texts by setting, and win.

    Raise ``InvalidSetting`` for the first value that is not possible.
    """
    given = os.environ if environment is None else environment  # noqa: TID251  (this is the door)
    texts = {name: text for name in HINTS if (text := _text_of(name, given)) is not None}
    texts.update(overrides or {})
    return Settings(**{name: _value_of(name, text) for name, text in texts.items()})


def unknown_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return variables that look like settings and are none, misspelt ones above all."""
    given = os.environ if environment is None else environment  # noqa: TID251  (this is the door)
    known = {variable for name in HINTS for variable in _variables_of(name)}
    return sorted(name for name in given if name.startswith(PREFIX) and name not in known)


def describe(settings: Settings) -> list[SettingRow]:
    """Return a row for each setting, in the order of their declaration."""
    defaults = Settings()
    return [
        SettingRow(
            name=name,
            variable=_variable(name),
            meaning=_notes(name)["meaning"],
            expects=_notes(name)["expects"],
            default=_shown(name, getattr(defaults, name)),
            value=_shown(name, getattr(settings, name)),
            secret=_notes(name)["secret"],
        )
        for name in HINTS
    ]


def _text_of(name: str, environment: Mapping[str, str]) -> str | None:
    """Return what the environment holds for a setting, ``None`` for nothing; an empty variable is as good as none."""
    given = [variable for variable in _variables_of(name) if environment.get(variable)]
    if len(given) > 1:
        raise InvalidSetting(f"{given[0]} and {given[1]} are both set: use one of them")
    if not given:
        return None
    text = environment[given[0]]
    return text if given[0] == _variable(name) else _text_of_file(given[0], Path(text))


def _text_of_file(variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{variable}: cannot read {path}: {error}") from error


def _value_of(name: str, text: str) -> Any:
    value: str | Sequence[str] | None = text.strip()
    if name in SEVERAL:
        value = [part for part in re.split(r"\s*,\s*", text.strip()) if part]
    elif text.strip().lower() in OFF and getattr(Settings(), name) is None:
        value = None
    try:
        return msgspec.convert(value, HINTS[name], strict=False, dec_hook=_construct)
    except msgspec.ValidationError:
        # The value itself is not repeated: it may be a secret, or most of one.
        raise InvalidSetting(f"{_variable(name)} is not possible: expected {_notes(name)['expects']}") from None


def _construct(kind: type, text: str) -> Any:
    return kind(text)


def _shown(name: str, value: Any) -> str:
    if value is None or value == ():
        return ""
    if _notes(name)["secret"]:
        return MASK
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
    return str(value)


def _notes(name: str) -> Mapping[str, Any]:
    """Return what ``_about`` said of a setting."""
    return next(meta.extra for meta in HINTS[name].__metadata__ if meta.extra)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _variables_of(name: str) -> list[str]:
    variable = _variable(name)
    return [variable, f"{variable}_FILE"] if _notes(name)["secret"] else [variable]
