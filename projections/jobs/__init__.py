"""Jobs, as engine clients list them."""
