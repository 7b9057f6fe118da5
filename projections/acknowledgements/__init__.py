"""Acknowledgements that nobody has followed up on, and how long each tenant lets them be."""
