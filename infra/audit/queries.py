"""The statements of audits, by name."""

from pathlib import Path

from projections.database import named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))
