"""A command has a route, a way in, and a story that tells what comes of it."""

import importlib
import inspect
from typing import get_args, get_type_hints

import pytest

from commands import intents
from commands.handling import Commands
from commands.intents import Intent
from commands.routes import ROUTES
from tests.rules.source_tree import ROOT, python_files, words_in

for module in python_files("commands"):
    importlib.import_module(f"commands.{module.stem}")


def subclasses(kind: type[Intent]) -> set[type[Intent]]:
    return {found for child in kind.__subclasses__() for found in {child, *subclasses(child)}}


def parts_of(intent: type[Intent]) -> set[type]:
    """Return the types that stand somewhere in the members of an intent."""
    found: set[type] = set()
    waiting = list(get_type_hints(intent).values())
    while waiting:
        hint = waiting.pop()
        waiting.extend(get_args(hint))
        if isinstance(hint, type):
            found.add(hint)
    return found


PARTS = {part for intent in subclasses(Intent) for part in parts_of(intent)}
COMMANDS = sorted(
    (
        intent
        for intent in subclasses(Intent) - (PARTS - set(ROUTES))  # an item of a batch is a command of its own too
        if intent.__module__ != intents.__name__
    ),
    key=lambda intent: intent.__name__,
)


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) > 10


def fanned_out(intent: type[Intent]) -> bool:
    """Tell whether a function turns the intent into commands of its own, each with its own append."""
    module = inspect.getmodule(intent)
    functions = [function for _, function in inspect.getmembers(module, inspect.iscoroutinefunction)]
    return any({intent, Commands} <= set(get_type_hints(function).values()) for function in functions)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_has_a_route(command: type[Intent]) -> None:
    assert command in ROUTES or fanned_out(command)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_can_be_sent_by_somebody(command: type[Intent]) -> None:
    assert any(command.__name__ in words_in(path) for path in python_files("api", "infra"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_a_command_has_a_story(command: type[Intent]) -> None:
    stories = [path for path in python_files("tests") if path.parent != ROOT / "tests" / "rules"]
    assert any(command.__name__ in words_in(path) for path in stories)
