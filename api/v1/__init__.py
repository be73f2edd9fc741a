"""JSON for programs."""

from typing import Any

from api.schemas import Problem

PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No token, or one that was revoked."},
    403: {"model": Problem, "description": "The token's role may not do that."},
    404: {"model": Problem, "description": "Not there, or not for this token to know of."},
    409: {"model": Problem, "description": "Something changed meanwhile."},
    410: {"model": Problem, "description": "The log no longer reaches back so far."},
    422: {"model": Problem, "description": "What was sent cannot be used as it is."},
}
"""What every route may answer besides its own shape; the media type is application/problem+json."""
