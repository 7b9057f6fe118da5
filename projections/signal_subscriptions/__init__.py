"""Events that wait for a signal, as engine clients list them."""
