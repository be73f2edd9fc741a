"""What a page may say over the website chat's socket."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from inbox.conversations import ratings

LONGEST = 4000  # characters of a visitor's message

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Id = Annotated[int, Field(ge=0, lt=2**63)]


class FrameIn(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Hello(FrameIn):
    """The first frame: who I am, and the log's last id that I have seen."""

    type: Literal["hello"]
    token: Annotated[str, StringConstraints(max_length=200)] = ""
    after: Id = 0
    locale: Literal["en", "de"] = "en"


class Message(FrameIn):
    type: Literal["message"]
    key: Key
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]
    page: Annotated[str, StringConstraints(max_length=2000)] = ""


class Typing(FrameIn):
    type: Literal["typing"]


class Seen(FrameIn):
    type: Literal["seen"]
    message: Id


class Email(FrameIn):
    type: Literal["email"]
    email: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, max_length=254, pattern=r"^[^\s@<>\",;:()\[\]\\]+@[^\s@<>\",;:()\[\]\\]+\.[^\s@<>\",;:()\[\]\\]{2,}$"
        ),
    ]


class Rate(FrameIn):
    """How it was, 1 to 5."""

    type: Literal["rate"]
    rating: Id
    score: Annotated[int, Field(ge=1, le=5)]
    comment: Annotated[str, StringConstraints(strip_whitespace=True, max_length=ratings.LONGEST)] = ""


class Unasked(FrameIn):
    """Do not ask me again."""

    type: Literal["unasked"]
    rating: Id


class Ping(FrameIn):
    type: Literal["ping"]


Frame = Annotated[Hello | Message | Typing | Seen | Email | Rate | Unasked | Ping, Field(discriminator="type")]
