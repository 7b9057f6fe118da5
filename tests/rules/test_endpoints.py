"""An endpoint has a name for generated clients, and says who may use it."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.rules.source_tree import Function, functions, python_files, relative

VERBS = {"get", "post", "put", "patch", "delete", "head", "route", "asgi", "websocket"}


class Endpoint(NamedTuple):
    """A function of ``api`` under one of Litestar's verbs, with the arguments of the decorator."""

    path: Path
    function: Function
    arguments: dict[str, ast.expr]

    def __str__(self) -> str:
        return f"{relative(self.path)}:{self.function.name}"


def endpoints() -> Iterator[Endpoint]:
    for path in python_files("api"):
        for function in functions(path):
            for decorator in function.decorator_list:
                if (
                    isinstance(decorator, ast.Call)
                    and isinstance(decorator.func, ast.Name)
                    and decorator.func.id in VERBS
                ):
                    arguments = {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}
                    yield Endpoint(path, function, arguments)


ENDPOINTS = list(endpoints())


def test_there_are_endpoints_to_look_at() -> None:
    assert len(ENDPOINTS) > 10


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_an_endpoint_has_an_operation_id(endpoint: Endpoint) -> None:
    operation_id = endpoint.arguments.get("operation_id")
    assert isinstance(operation_id, ast.Constant)
    assert re.fullmatch(r"[a-z][a-zA-Z]+", str(operation_id.value))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_an_endpoint_says_who_may_use_it(endpoint: Endpoint) -> None:
    opt = endpoint.arguments.get("opt")
    assert isinstance(opt, ast.Dict)
    assert "access" in [key.value for key in opt.keys if isinstance(key, ast.Constant)]


def test_no_two_endpoints_share_an_operation_id() -> None:
    ids = [
        ast.unparse(endpoint.arguments["operation_id"])
        for endpoint in ENDPOINTS
        if "operation_id" in endpoint.arguments
    ]
    assert not [operation_id for operation_id, times in Counter(ids).items() if times > 1]
