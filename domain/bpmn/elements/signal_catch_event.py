"""Signal catch event: a token waits for a signal (BPMN 2.0, 13.5.1)."""

from domain.bpmn.catching import CATCH

BEHAVIOUR = CATCH
