"""Generated models are the same for the same seed, cover every element, and are models that can be deployed."""

from itertools import chain

import pytest

from domain.bpmn.graph import ElementType, ProcessModel
from domain.bpmn.reader import read_process
from tests.models.generating import generate

#: So many models have every element in them.
MODELS = 150

#: Nested blocks are brought to their ends when the budget of nodes is used up.
LARGEST_PROCESS = 120


def read(seed: int) -> list[ProcessModel]:
    model = generate(seed)
    return [read_process(model.xml, process.id, frozenset(ElementType)) for process in model.processes]


def test_a_seed_always_gives_the_same_model() -> None:
    assert [generate(seed) for seed in range(20)] == [generate(seed) for seed in range(20)]
    assert generate(1).xml != generate(2).xml


def test_every_element_is_generated_and_no_model_is_refused() -> None:
    models = chain.from_iterable(read(seed) for seed in range(MODELS))
    assert {element.type for model in models for element in model.elements} == set(ElementType)


@pytest.mark.parametrize("seed", range(0, MODELS, 10))
def test_a_process_stays_small(seed: int) -> None:
    assert max(len(model.elements) for model in read(seed)) <= LARGEST_PROCESS


def test_definitions_that_come_with_a_deployment_are_of_elements_of_the_process() -> None:
    for seed in range(MODELS):
        for process, model in zip(generate(seed).processes, read(seed), strict=True):
            assert process.given.keys() <= {element.bpmn_id for element in model.elements}
