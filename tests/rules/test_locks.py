"""The lock files install exactly what ``pyproject.toml`` asks for, from whatever index the installer is told to use."""

import re
from collections.abc import Mapping

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.rules.source_tree import ROOT, pyproject

RUNTIME = "requirements.lock"
DEVELOPMENT = "requirements-dev.lock"

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def pins(lock: str) -> Mapping[str, Version]:
    return {canonicalize_name(pin["name"]): Version(pin["version"]) for pin in PIN.finditer(text_of(lock))}


def requirements(*, development: bool) -> list[Requirement]:
    project = pyproject()["project"]
    texts = [*project["dependencies"], *(project["optional-dependencies"]["dev"] if development else [])]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize(("lock", "development"), [(RUNTIME, False), (DEVELOPMENT, True)])
def test_every_requirement_is_pinned_to_a_version_that_it_allows(lock: str, *, development: bool) -> None:
    pinned = pins(lock)
    wrong = [
        str(requirement)
        for requirement in requirements(development=development)
        if canonicalize_name(requirement.name) not in pinned
        or not requirement.specifier.contains(pinned[canonicalize_name(requirement.name)], prereleases=True)
    ]
    assert not wrong, "make the locks anew: CONTRIBUTING.md, 'Dependencies'"


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_every_pin_has_a_hash(lock: str) -> None:
    found = list(PIN.finditer(text_of(lock)))
    assert len(found) > 10
    assert not [pin["name"] for pin in found if "--hash=sha256:" not in pin["rest"]]


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_a_lock_names_no_host(lock: str) -> None:
    assert "://" not in text_of(lock)
    assert not re.search(r"^-", text_of(lock), re.MULTILINE), "options such as an index are the installer's"


def test_both_locks_agree_on_what_they_share() -> None:
    running, developing = pins(RUNTIME), pins(DEVELOPMENT)
    assert {name: developing.get(name) for name in running} == running
