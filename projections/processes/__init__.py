"""Deployed processes, and their BPMN XML, as engine clients list them."""
