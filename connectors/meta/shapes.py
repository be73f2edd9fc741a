"""What all of Meta's answers and notifications are made of; fields that nobody reads here are left alone."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

Json = dict[str, Any]
MILLISECONDS = 100_000_000_000  # a number of seconds as large would be in the year 5138


def moment(value: Any) -> datetime:
    """Seconds or milliseconds since 1970, as a number or in digits, or an ISO date with its zone: Meta uses all of them."""
    if isinstance(value, str) and not value.isdecimal():
        at = datetime.fromisoformat(value)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    number = int(value)
    return datetime.fromtimestamp(number / 1000 if number > MILLISECONDS else number, UTC)


def _moment(value: Any) -> datetime:
    try:
        return value if isinstance(value, datetime) else moment(value)
    except (TypeError, OverflowError, OSError):
        raise ValueError("not a time") from None


def _words(value: Any) -> Any:
    return "" if value is None else value


def _several(value: Any) -> Any:
    """A list, which the Graph API wraps into {"data": […]} together with its paging."""
    return value.get("data", ()) if isinstance(value, dict) else () if value is None else value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


Moment = Annotated[datetime, BeforeValidator(_moment)]
Words = Annotated[str, BeforeValidator(_words)]
Several = BeforeValidator(_several)
Id = Annotated[str, AfterValidator(str.strip)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Person(Shape):
    """https://developers.facebook.com/docs/graph-api/reference/user/: an id that means something for one account only, and a name."""

    id: Words = ""
    name: Words = ""
    username: Words = ""
    self_ig_scoped_id: str | None = None  # there only when it is the account itself


def reason(error: Exception) -> str:
    """Why something cannot be read, without what was given."""
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: it cannot be read."
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def inner(told: Any, *names: str) -> Any:
    """What lies deep inside of JSON objects; None where one of them is missing."""
    for name in names:
        told = cast("Json", told).get(name) if isinstance(told, dict) else None
    return told


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
