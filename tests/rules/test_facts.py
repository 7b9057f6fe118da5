"""A fact has a topic of its own, is told to people, changes a state, and has a sample that stays readable."""

import ast
import re

import pytest

from domain.event import Event
from domain.topics import FACTS, TOPICS
from tests.rules.source_tree import ROOT, parsed, python_files


def evolved() -> set[str]:
    """Return the names that stand in the pattern of a ``match`` or as a key of a table, anywhere in the domain.

    Where ``evolve`` takes one kind of fact only, it needs neither; the type of its parameter says which.
    """
    names: set[str] = set()
    for path in python_files("domain"):
        for node in ast.walk(parsed(path)):
            match node:
                case ast.MatchClass(cls=ast.Name(id=name)):
                    names.add(name)
                case ast.Dict(keys=keys):
                    names.update(key.id for key in keys if isinstance(key, ast.Name))
                case ast.FunctionDef(name="evolve"):
                    names.update(unions().get(argument, "") for argument in annotations(node))
                case _:
                    pass
    return names


def unions() -> dict[str, str]:
    """Return the aliases that stand for a single fact: ``ProcessEvent = ProcessDeployed``."""
    return {
        alias.id: node.value.id
        for path in python_files("domain")
        for node in parsed(path).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)
        for alias in node.targets
        if isinstance(alias, ast.Name)
    }


def annotations(function: ast.FunctionDef) -> list[str]:
    return [argument.annotation.id for argument in function.args.args if isinstance(argument.annotation, ast.Name)]


EVOLVED = evolved()


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
