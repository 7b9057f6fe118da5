"""Variables of process instances and element instances, with their values."""
