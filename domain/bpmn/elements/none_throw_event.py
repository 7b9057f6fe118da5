"""None throw event: says that the process has come this far (BPMN 2.0, 10.5.4); the token goes on at once."""

from domain.bpmn.execution import Behaviour, Turn

BEHAVIOUR = Behaviour(Turn.pass_through)
