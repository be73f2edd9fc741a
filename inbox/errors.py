"""Errors that a person reads.

    ParleyError               status, code, and a sentence that says what to do
     ├─ Invalid        422    what was given cannot be used as it is
     ├─ Unauthorized   401    sign in first
     ├─ Forbidden      403    signed in, but this role may not
     ├─ NotFound       404    not there, or not for this member to know of
     ├─ Conflict       409    something changed meanwhile
     ├─ TooLarge       413
     ├─ TooMany        429    `retry_after` seconds
     ├─ Held           409    a restored instance neither reads nor sends until `parley resume`
     └─ Unusable       503    the installation cannot work as it stands

`code` is stable for programs; `message` may hold {fields}; both are translated at the door (`web.i18n`), never here.
"""

from typing import Any


class ParleyError(Exception):
    """Something went wrong that a person can understand and mend."""

    status = 500
    code = "error"

    def __init__(self, message: str, *, code: str | None = None, **fields: Any) -> None:
        super().__init__(message.format(**fields) if fields else message)
        self.message = message
        self.fields = fields
        if code is not None:
            self.code = code


class Invalid(ParleyError):
    """What was given cannot be used as it is."""

    status = 422
    code = "invalid"


class Unauthorized(ParleyError):
    """Sign in first."""

    status = 401
    code = "unauthorized"


class Forbidden(ParleyError):
    """This role may not do that."""

    status = 403
    code = "forbidden"


class NotFound(ParleyError):
    """Not there, or not for this member to know of."""

    status = 404
    code = "not_found"


class Conflict(ParleyError):
    """Something changed meanwhile."""

    status = 409
    code = "conflict"


class Held(Conflict):
    """A restored instance neither reads nor sends until somebody resumes it."""

    code = "held"


class TooLarge(ParleyError):
    """More than is accepted at once."""

    status = 413
    code = "too_large"


class TooMany(ParleyError):
    """Too many tries: wait."""

    status = 429
    code = "too_many"

    def __init__(self, message: str, *, retry_after: int, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after


class Unusable(ParleyError):
    """The installation cannot work as it stands."""

    status = 503
    code = "unusable"
