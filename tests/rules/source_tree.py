"""The checkout as the rules see it: its files, and the functions and classes in them."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: The import packages, in the order of the arrow (docs/architecture.md).
PACKAGES = ("api", "infra", "commands", "projections", "domain")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    """Name a file as people write it: ``domain/event.py``."""
    return path.relative_to(ROOT).as_posix()


def source_files() -> list[Path]:
    """Return the modules that are installed."""
    return python_files(*PACKAGES)


def python_files(*folders: str) -> list[Path]:
    """Return the modules under these folders of the checkout; a folder that is not there has none."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(path: Path) -> Iterator[Function]:
    """Yield every function and method of a module, nested ones too."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, Function):
            yield node


@cache
def words_in(path: Path) -> set[str]:
    """Return every name, attribute and text constant of a module: what it mentions, however it mentions it."""
    words: set[str] = set()
    for node in ast.walk(parsed(path)):
        match node:
            case (
                ast.Name(id=word) | ast.Attribute(attr=word) | ast.alias(name=word) | ast.Constant(value=str() as word)
            ):
                words.add(word)
            case _:
                pass
    return words


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
