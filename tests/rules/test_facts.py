"""A fact has a topic of its own, is told to people, changes a state, and has a sample that stays readable."""

import ast
import re

import pytest

from domain.event import Event
from domain.topics import FACTS, TOPICS
from tests.rules.source_tree import ROOT, parsed, python_files

#: Names of facts in the patterns of a ``match`` or as keys of a table, anywhere in the domain.
EVOLVED = {
    node.id
    for path in python_files("domain")
    for owner in ast.walk(parsed(path))
    for node in (
        [owner.cls] if isinstance(owner, ast.MatchClass) else owner.keys if isinstance(owner, ast.Dict) else []
    )
    if isinstance(node, ast.Name)
}


def facts_in_the_source() -> set[str]:
    return {
        node.name
        for path in python_files("domain")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Event" for base in node.bases)
    }


def test_every_fact_of_the_domain_is_registered() -> None:
    assert facts_in_the_source() == {fact.__name__ for fact in FACTS}


def test_no_two_facts_share_a_topic() -> None:
    assert len(TOPICS) == len(FACTS)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.topic)
def test_a_topic_has_a_subject_and_what_happened_and_a_version(fact: type[Event]) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+\.v[1-9][0-9]*", fact.topic)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.topic)
def test_a_fact_says_what_it_means(fact: type[Event]) -> None:
    assert len((fact.__doc__ or "").split()) > 3


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.topic)
def test_a_fact_has_its_case_where_states_evolve(fact: type[Event]) -> None:
    assert fact.__name__ in EVOLVED


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_a_fact_has_a_golden_sample(topic: str) -> None:
    assert list((ROOT / "tests" / "golden").rglob(f"{topic}*.json")), (
        "a sample of every version stays readable for good"
    )
