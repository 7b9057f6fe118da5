"""Messages, as engine clients list them."""
