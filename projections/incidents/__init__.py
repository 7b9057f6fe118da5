"""Incidents of processes, as engine clients list them."""
