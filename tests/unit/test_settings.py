"""Settings come from the environment, are checked, and keep secrets to themselves."""

import base64
from pathlib import Path

import pytest

from infra.settings import InvalidSetting, Settings, describe, read_settings, unknown_variables

KEYS = [bytes([number]) * 32 for number in (1, 2)]
KEY_TEXTS = [base64.b64encode(key).decode() for key in KEYS]


def test_nothing_configured_gives_the_defaults() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8080, Path(".annals"))
    assert settings.roles == ("api", "followers", "executor", "rules", "delivery")
    assert (settings.database_url, settings.redis_url, settings.bootstrap_key) == (None, None, None)
    assert (settings.engine_id, settings.task_executor_enabled, settings.set_time_enabled) == (
        "default-engine",
        True,
        False,
    )
    assert (settings.query_wait, settings.task_retry_limit) == (5, 0)


def test_the_environment_of_the_process_is_read_when_no_other_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNALS_ENGINE_ID", "from the process")
    assert read_settings().engine_id == "from the process"


def test_a_variable_of_each_type_is_read_from_its_text() -> None:
    settings = read_settings(
        {
            "ANNALS_PORT": "0",
            "ANNALS_DATA_DIR": "/somewhere else",
            "ANNALS_ROLES": "api, prober",
            "ANNALS_TASK_EXECUTOR_ENABLED": "False",
            "ANNALS_SET_TIME_ENABLED": "1",
            "ANNALS_QUERY_WAIT": "1.5",
            "ANNALS_LOG_LEVEL": "debug",
            "ANNALS_ENCRYPTION_KEYS": ",".join(KEY_TEXTS),
            "ANNALS_SECRET_KEY": "the new one is first, the old one is second",
            "ANNALS_DATABASE_URL": "postgres://annals@localhost/annals",
            "ANNALS_REDIS_URL": "rediss://localhost:6379/0",
            "ANNALS_WEBHOOK_PORTS": "443, 9443",
            "ANNALS_WEBHOOK_RETRIES": "0.5,60",
            "ANNALS_WEBHOOK_PRIVATE_TARGETS": "hooks.internal, 10.0.0.7:8080, [fd00::7]:80",
        }
    )
    assert (settings.webhook_ports, settings.webhook_retries) == ((443, 9443), (0.5, 60.0))
    assert settings.webhook_private_targets == ("hooks.internal", "10.0.0.7:8080", "[fd00::7]:80")
    assert (settings.port, settings.data_dir, settings.roles) == (0, Path("/somewhere else"), ("api", "prober"))
    assert (settings.task_executor_enabled, settings.set_time_enabled) == (False, True)
    assert (settings.query_wait, settings.log_level) == (1.5, "debug")
    assert settings.encryption_keys == tuple(KEYS)
    assert settings.secret_key == ("the new one is first", "the old one is second")
    assert settings.database_url == "postgres://annals@localhost/annals"


def test_an_override_wins_over_the_environment_and_is_checked_alike() -> None:
    assert read_settings({"ANNALS_PORT": "1"}, {"port": "2"}).port == 2
    with pytest.raises(InvalidSetting, match="ANNALS_PORT"):
        read_settings({}, {"port": "eighty"})


@pytest.mark.parametrize("text", ["off", "none", "OFF"])
def test_what_is_optional_can_be_switched_off_by_word(text: str) -> None:
    assert read_settings({"ANNALS_REDIS_URL": text}).redis_url is None


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert read_settings({"ANNALS_PORT": "", "ANNALS_DATABASE_URL": "", "ANNALS_SECRET_KEY_FILE": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("HOST", " ", "an address"),
        ("PORT", "tcp://10.0.0.1:8080", "a number from 0 to 65535"),
        ("PORT", "65536", "a number from 0 to 65535"),
        ("ROLES", "api,janitor", "a comma list of api"),
        ("ROLES", ",", "a comma list of api"),
        ("DATABASE_URL", "mysql://somewhere", "postgresql://"),
        ("REDIS_URL", "somewhere", "redis://"),
        ("SECRET_KEY", "short", "at least 16 characters"),
        ("ENCRYPTION_KEYS", "not base64!", "32 bytes in base64"),
        ("ENCRYPTION_KEYS", base64.b64encode(bytes(31)).decode(), "32 bytes in base64"),
        ("ENCRYPTION_KEYS", f"{KEY_TEXTS[0]},AAAA", "32 bytes in base64"),
        ("TASK_EXECUTOR_ENABLED", "perhaps", "true or false"),
        ("SET_TIME_ENABLED", "2", "true or false"),
        ("QUERY_WAIT", "0", "seconds"),
        ("QUERY_WAIT", "nan", "seconds"),
        ("QUERY_WAIT", "PT30S", "seconds"),
        ("TASK_RETRY_LIMIT", "-1", "a number"),
        ("WEBHOOK_PORTS", "443,0", "a comma list of ports"),
        ("WEBHOOK_PORTS", ",", "a comma list of ports"),
        ("WEBHOOK_RETRIES", "5,never", "a comma list of seconds"),
        ("WEBHOOK_RETRIES", "nan", "a comma list of seconds"),
        ("WEBHOOK_PRIVATE_TARGETS", "http://hooks.internal/", "host or host:port"),
        ("WEBHOOK_PRIVATE_TARGETS", "10.0.0.0/8", "host or host:port"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("STATE_CACHE_SIZE", "1.5", "a number"),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_what_is_expected(name: str, text: str, expected: str) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        read_settings({f"ANNALS_{name}": text})
    assert str(refusal.value).startswith(f"ANNALS_{name} ")
    assert expected in str(refusal.value)


def test_a_refusal_does_not_repeat_the_value_which_may_be_most_of_a_secret() -> None:
    almost = base64.b64encode(bytes(range(31))).decode()
    with pytest.raises(InvalidSetting) as refusal:
        read_settings({"ANNALS_ENCRYPTION_KEYS": almost})
    assert almost[:6] not in str(refusal.value)


def test_a_secret_can_be_the_text_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text("postgresql://annals:secret@db/annals\n")
    assert read_settings({"ANNALS_DATABASE_URL_FILE": str(path)}).database_url == "postgresql://annals:secret@db/annals"


def test_what_is_no_secret_has_no_file_variable(tmp_path: Path) -> None:
    path = tmp_path / "port"
    path.write_text("1")
    assert read_settings({"ANNALS_PORT_FILE": str(path)}) == Settings()
    assert unknown_variables({"ANNALS_PORT_FILE": str(path)}) == ["ANNALS_PORT_FILE"]


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"ANNALS_SECRET_KEY_FILE: cannot read .*missing"):
        read_settings({"ANNALS_SECRET_KEY_FILE": str(tmp_path / "missing")})


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="ANNALS_BOOTSTRAP_KEY and ANNALS_BOOTSTRAP_KEY_FILE are both set"):
        read_settings({"ANNALS_BOOTSTRAP_KEY": "a", "ANNALS_BOOTSTRAP_KEY_FILE": str(tmp_path / "b")})


def test_a_misspelt_variable_is_found() -> None:
    environment = {"ANNALS_ENCYPTION_KEYS": "x", "ANNALS_PORT": "1", "ANNALS_SECRET_KEY_FILE": "y", "PATH": "/bin"}
    assert unknown_variables(environment) == ["ANNALS_ENCYPTION_KEYS"]


def test_every_setting_is_described_with_its_default_and_its_value() -> None:
    rows = {row.name: row for row in describe(read_settings({"ANNALS_PORT": "81", "ANNALS_SET_TIME_ENABLED": "true"}))}
    assert list(rows) == list(Settings.__struct_fields__)
    assert (rows["port"].variable, rows["port"].default, rows["port"].value) == ("ANNALS_PORT", "8080", "81")
    assert rows["set_time_enabled"].value == "true"
    assert rows["roles"].value == "api,followers,executor,rules,delivery"
    assert (rows["webhook_ports"].value, rows["webhook_retries"].value[:9]) == ("443,8443", "5,300,180")
    assert all(row.meaning and row.expects for row in rows.values())


def test_a_secret_is_never_shown() -> None:
    secrets = {
        "ANNALS_DATABASE_URL": "postgresql://annals:hidden-1@db/annals",
        "ANNALS_REDIS_URL": "redis://:hidden-2@db",
        "ANNALS_BOOTSTRAP_KEY": "hidden-3",
        "ANNALS_SECRET_KEY": "hidden-4-hidden-4-hidden-4",
        "ANNALS_ENCRYPTION_KEYS": KEY_TEXTS[0],
    }
    settings = read_settings(secrets)
    shown = f"{settings} {settings!r} {describe(settings)}"
    assert "hidden" not in shown
    assert KEY_TEXTS[0] not in shown
    assert repr(KEYS[0]) not in shown
    assert shown.count("********") == 3 * len(secrets)
