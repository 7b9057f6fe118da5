"""``compose.yaml`` and ``Dockerfile`` hold together. No engine is needed: what is compared is what the files say."""

import re
from functools import cache
from typing import Any

import pytest
import yaml

from tests.rules.source_tree import ROOT

NODES = ("annals-1", "annals-2", "annals-3")


@cache
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return document


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_production_shape_is_postgres_and_redis_and_three_nodes_with_a_port_each() -> None:
    assert set(services()) == {"postgres", "redis", *NODES}
    ports = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert set(ports) == set(NODES)
    assert len({port for (port,) in ports.values()}) == len(NODES)


def test_the_nodes_differ_in_nothing_but_their_ports() -> None:
    first, *others = ({key: value for key, value in services()[name].items() if key != "ports"} for name in NODES)
    assert all(other == first for other in others)
    assert set(first["depends_on"]) == {"postgres", "redis"}


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_what_keeps_the_data_is_reached_from_inside_only(name: str) -> None:
    assert services()[name]["networks"] == ["inside"]
    assert compose()["networks"]["inside"] == {"internal": True}


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_restarts_and_says_whether_it_is_well(name: str) -> None:
    assert services()[name]["restart"] == "unless-stopped"
    assert services()[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_waits_for_healthy_services_that_exist(name: str) -> None:
    awaited = services()[name].get("depends_on", {})
    assert set(awaited) <= set(services())
    assert all(how == {"condition": "service_healthy"} for how in awaited.values())


@pytest.mark.parametrize("kind", ["secrets", "networks", "volumes"])
def test_what_services_name_is_defined_and_what_is_defined_is_used(kind: str) -> None:
    used: set[str] = set()
    for service in services().values():
        for entry in service.get(kind, []):
            used.add(entry.split(":")[0])
    assert used == set(compose()[kind])


@pytest.mark.parametrize("name", sorted(services()))
def test_a_secret_reaches_a_service_as_a_file(name: str) -> None:
    environment = services()[name].get("environment", {})
    given = {value.removeprefix("/run/secrets/") for key, value in environment.items() if key.endswith("_FILE")}
    assert given == set(services()[name].get("secrets", []))
    assert not [key for key in environment if re.search("PASSWORD|KEY|SECRET", key) and not key.endswith("_FILE")]


def test_secrets_are_kept_out_of_the_repository_and_out_of_the_image() -> None:
    files = {secret["file"] for secret in compose()["secrets"].values()}
    assert all(file.startswith("./secrets/") for file in files)
    assert "secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert (ROOT / ".dockerignore").read_text(encoding="utf-8").startswith("*\n")


def test_the_database_never_gives_durability_away() -> None:
    command = " ".join(services()["postgres"]["command"])
    assert not re.search("fsync|synchronous_commit|full_page_writes", command)


def test_the_image_installs_from_the_lock_and_runs_as_a_plain_user() -> None:
    final = dockerfile().rsplit("\nFROM ", maxsplit=1)[1]
    assert "-r requirements.lock" in dockerfile()
    assert re.search(r"^USER (?!root|0)\S+$", final, re.MULTILINE)
    assert "/healthz" in final[final.index("HEALTHCHECK") :]
    assert 'ENTRYPOINT ["annals"]' in final


def test_the_image_copies_only_what_exists_and_the_context_lets_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)
