"""Receive task: waits for a message (BPMN 2.0, 10.3.3)."""

from domain.bpmn.activity import activity
from domain.bpmn.catching import expect, happen, take_definition

BEHAVIOUR = activity(expect, take_definition, trigger=happen)
