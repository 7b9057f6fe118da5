"""Process instances, as engine clients list them."""
