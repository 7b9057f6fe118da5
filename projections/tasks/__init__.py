"""Tasks of the engine itself, as engine clients list them."""
