"""What each element of BPMN does with a token: the module that is named for its type tells."""

from collections.abc import Mapping
from importlib import import_module

from domain.bpmn.execution import Behaviour
from domain.bpmn.graph import ElementType

ELEMENTS: Mapping[ElementType, Behaviour] = {
    element_type: import_module(f"{__name__}.{element_type.lower()}").BEHAVIOUR for element_type in ElementType
}
