"""The elements of deployed processes, as engine clients list them."""
