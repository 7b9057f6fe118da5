"""A read model depends on the facts alone, not on how they were parted into batches."""

import pytest

from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from tests.integration.projection_histories import History
from tests.integration.projection_tables import batches, contents, empty_tables, fill

FACTS = History(seed=38, moves=1500).facts


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
async def test_batches_of_any_size_give_the_rows_that_one_rebuild_gives(database: str, model: ReadModel) -> None:
    async with empty_tables(database, [model]) as connection:
        await fill(connection, [FACTS], [model])
        rebuilt = await contents(connection, model)
    assert all(rebuilt.values()), "each table has rows, or nothing is compared"
    for largest in (1, 5, 80):
        async with empty_tables(database, [model]) as connection:
            await fill(connection, batches(FACTS, largest, seed=largest), [model])
            assert await contents(connection, model) == rebuilt


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
async def test_a_read_model_changes_nothing_for_facts_that_it_does_not_look_at(database: str, model: ReadModel) -> None:
    others = [fact for fact in FACTS if not isinstance(fact.event, model.facts)]
    assert others
    async with empty_tables(database, [model]) as connection:
        await model.project(others, connection)
        assert not any((await contents(connection, model)).values())


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_the_tables_of_a_read_model_are_those_that_its_schema_makes(model: ReadModel) -> None:
    made = {line.split()[2] for line in model.schema.splitlines() if line.startswith("create table ")}
    assert made == set(model.tables)
