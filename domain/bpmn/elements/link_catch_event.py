"""Link catch event: where tokens of the throw events of its name come out (BPMN 2.0, 10.5.4)."""

from domain.bpmn.execution import Behaviour, Turn

BEHAVIOUR = Behaviour(Turn.pass_through)
