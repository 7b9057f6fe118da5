"""Transaction: a sub-process whose work succeeds as a whole or is given up (BPMN 2.0, 10.3.5; 13.3.4).

It succeeds with its last token. An error that it does not handle itself is its hazard: a boundary event catches it, and
nothing is undone. Giving it up by a cancel event, which calls for compensation, is not implemented: such a model is
refused.
"""

from domain.bpmn.scope import SCOPE

BEHAVIOUR = SCOPE
