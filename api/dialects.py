"""Which dialect speaks at a path, where errors have a form of their own (contracts/incidents.md 0.6, error forms)."""

from api.insight.routes import INSIGHT_PATHS, MESSAGE
from api.problems import PROBLEM_JSON, ErrorForm


def error_form(path: str) -> ErrorForm:
    """Return the form of errors at a path."""
    return MESSAGE if path in INSIGHT_PATHS else PROBLEM_JSON
