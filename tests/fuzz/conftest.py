"""One node for all attacks of a file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fuzz.standing import Standing, standing
from tests.fuzz.target import Target, attacked


@pytest.fixture(scope="module")
async def target(open_directory: Path) -> AsyncIterator[Target]:
    async with attacked(open_directory) as target:
        yield target


@pytest.fixture(scope="module")
async def about(target: Target) -> Standing:
    """Return what requests to the APIs about incidents are about."""
    return await standing(target)


@pytest.fixture
async def unharmed(target: Target) -> AsyncIterator[None]:
    """Require that the node is well after the test."""
    yield
    await target.assert_well()
