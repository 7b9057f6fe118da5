"""Embedded sub-process: a scope with tokens of its own inside its parent (BPMN 2.0, 13.3.4)."""

from domain.bpmn.scope import SCOPE

BEHAVIOUR = SCOPE
