"""What happened and what it means: facts, states and the rules of BPMN, without clock, chance or I/O."""
