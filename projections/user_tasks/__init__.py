"""User tasks, as engine clients list them."""
