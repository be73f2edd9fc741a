"""A platform for tests of the set-up form: one field of every kind."""

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from inbox.contract import Author, Batch, Capabilities, ConnectorError, Receipt, Reply, Request, Response


class Mode(StrEnum):
    CALM = "calm"
    BUSY = "busy"


class HarbourConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    address: str = Field(title="Address", examples=["port@example.org"])
    token: SecretStr
    hook_secret: SecretStr = Field(default_factory=lambda: SecretStr("made-by-the-connector"), title="Secret of the webhook")
    port: int = Field(default=80, ge=1, le=65535)
    mode: Mode = Mode.CALM
    kinds: tuple[str, ...] = ()
    loud: bool = False
    nickname: str | None = None


class Harbour:
    name: ClassVar[str] = "harbour"
    title: ClassVar[str] = "Harbour radio"
    Config: ClassVar[type[BaseModel]] = HarbourConfig
    capabilities: ClassVar[Capabilities] = Capabilities()
    problem: ClassVar[ConnectorError | None] = None
    checks: ClassVar[int] = 0

    def __init__(self, config: HarbourConfig) -> None:
        self.config = config

    async def check(self) -> Author:
        type(self).checks += 1
        if self.problem is not None:
            raise self.problem
        return Author(id=self.config.address, name="The port", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        yield Batch(cursor=cursor)

    async def send(self, reply: Reply) -> Receipt:
        raise NotImplementedError

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        return Response(), {}

    async def aclose(self) -> None: ...
