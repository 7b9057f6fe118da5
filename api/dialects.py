"""Which dialect speaks at a path, where errors have a form of their own (contracts/incidents.md 0.6, error forms)."""

from collections.abc import Mapping

from api.alerts.errors import ALERTS_FORM
from api.answers import Answer, json_bytes
from api.feed.errors import FEED_FORM
from api.insight.routes import INSIGHT_PATHS, MESSAGE
from api.problems import PROBLEM_JSON, ErrorForm, kind_of, problem_of
from api.uptime.errors import UPTIME_FORM
from domain.rejection import Rejection

#: By the path at which an API begins.
FORMS: Mapping[str, ErrorForm] = {
    "/v1": FEED_FORM,
    "/api/incidents": UPTIME_FORM,
    "/api/checks": UPTIME_FORM,
    "/api/alerts": ALERTS_FORM,
}


def error_form(path: str) -> ErrorForm:
    """Return the form of errors at a path, whether anything is served there or not."""
    if path in INSIGHT_PATHS:
        return MESSAGE
    return next((form for base, form in FORMS.items() if path == base or path.startswith(f"{base}/")), PROBLEM_JSON)


def refused(path: str, refusal: Rejection) -> Answer:
    """Return the answer to a request that is refused before the application sees it."""
    form, problem = error_form(path), problem_of(refusal)
    body = json_bytes(form.body(problem, refusal))
    answer = Answer(form.status(problem, refusal), body, form.media_type.encode())
    told = kind_of(type(refusal)).headers(refusal)
    answer.headers += [(name.lower().encode(), value.encode()) for name, value in told.items()]
    return answer
