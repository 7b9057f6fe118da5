"""Events that wait for a message, as engine clients list them."""
