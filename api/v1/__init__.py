"""JSON for programs."""

from typing import Any

from api.schemas import Problem


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": Problem.model_json_schema()}}}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: _problem("No token, or one that was revoked."),
    403: _problem("The token's role may not do that."),
    404: _problem("Not there, or not for this token to know of."),
    409: _problem("Something changed meanwhile."),
    410: _problem("The log no longer reaches back so far."),
    422: _problem("What was sent cannot be used as it is."),
}
"""What every route may answer besides its own shape."""
