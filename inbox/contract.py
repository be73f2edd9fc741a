"""What a connector gives and takes: all that the author of a connector has to read.

A connector turns a platform into `Batch`es of `Event`s and turns a `Reply` into a `Receipt`. It knows neither the database nor the web
framework; the inbox knows no platform. Everything here is a plain value. Times are aware datetimes; ids are the platform's own strings.

    ConnectorError
     ├─ AuthError        the platform no longer accepts the credentials: the host stops and asks a person to reconnect
     ├─ RateLimited      wait `retry_after` seconds; not a failure
     ├─ Transient        try again later; the host backs off with full jitter, 1 s … 5 min
     ├─ Ambiguous        only from `send` and `act`: it may or may not have been accepted
     ├─ Permanent        this will never work as it stands; the message says why
     │   └─ WindowClosed the platform allows no answer any more
     └─ CursorExpired    the platform forgot our place: fetch what it still has and mark a gap
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel


class EventKind(StrEnum):
    MESSAGE = "message"
    EDIT = "edit"
    DELETE = "delete"
    REACTION = "reaction"  # `text` is the emoji, "" takes the author's reaction back
    READ = "read"  # `author` has seen everything of the thread up to `at`
    DELIVERY = "delivery"  # what became of a message of ours: `text` is "delivered" or the platform's reason for a failure
    MODERATION = "moderation"  # the platform or a moderator acted: `text` is the action ("hide", "unhide", "spam")


class ConversationKind(StrEnum):
    COMMENTS = "comments"
    DIRECT = "direct"
    EMAIL = "email"
    REVIEW = "review"


class LengthUnit(StrEnum):
    CHARS = "chars"
    BYTES = "bytes"
    GRAPHEMES = "graphemes"
    UTF16 = "utf16"
    X_WEIGHTED = "x_weighted"


class Action(StrEnum):
    LIKE = "like"
    HIDE = "hide"
    UNHIDE = "unhide"
    DELETE = "delete"
    EDIT = "edit"
    APPROVE = "approve"
    SPAM = "spam"
    PRIVATE_REPLY = "private_reply"


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody on the platform. `is_self`: the connected account itself, so the event is an echo or a native reply."""

    id: str
    name: str
    handle: str | None = None
    avatar: str | None = None
    is_self: bool = False
    email: str | None = None
    roles: tuple[str, ...] = ()  # the platform's words for standing (association, role, power level): staff rules match them


@dataclass(frozen=True, slots=True)
class Post:
    """What a comment hangs on. `is_room`: a group room; what is said there outside of any thread has the `thread_id` ""."""

    id: str
    title: str = ""
    text: str = ""
    url: str | None = None
    media: tuple[str, ...] = ()
    published_at: datetime | None = None
    is_room: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file: `content` when its bytes came along, else `url` where the platform keeps it. `content_id` marks an inline image."""

    name: str
    media_type: str
    content: bytes | None = None
    url: str | None = None
    size: int | None = None
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What letters have and comments have not. `automatic`: out-of-office, bounce or list mail, which nobody answers."""

    subject: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: str | None = None
    references: tuple[str, ...] = ()
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on the platform.

    `id` is the dedupe key, unique for a channel: an edit is a new event about an old `message_id`. `parent_id` is the message
    answered, `thread_id` the platform's thread. `mentions` are author ids named in the text. `client_key` comes back with the echo of a
    reply of ours where the platform returns it. `raw` is kept until it expires, to parse again when a connector learns more.
    """

    id: str
    kind: EventKind
    message_id: str
    thread_id: str
    at: datetime
    author: Author | None = None
    text: str = ""
    html: str | None = None
    parent_id: str | None = None
    post: Post | None = None
    conversation_kind: ConversationKind = ConversationKind.DIRECT
    private: bool = False
    mentions: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    envelope: Envelope | None = None
    permalink: str | None = None
    client_key: str | None = None
    raw: Mapping[str, Any] | None = None
    quoted: str = ""  # what a mail repeats from before, and its signature: the page folds it
    language: str | None = None  # of the text, where the platform says it: a BCP 47 tag ("de", "pt-BR"); else it is told from the words


@dataclass(frozen=True, slots=True)
class Rejected:
    """A payload that could not be parsed: kept as a dead letter beside its neighbours that could."""

    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Events and the place to go on from. `gap`: the platform could not fill what happened before these events.

    `passed_over`: what was read and left out on purpose, each reason with how often ("story_insights": 2): counted, not kept. A reason that
    is a sentence with its full stop is advice ("Make an app password that …."): the channel's page shows it for twenty minutes.
    """

    events: Sequence[Event] = ()
    cursor: str | None = None
    gap: bool = False
    rejected: Sequence[Rejected] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class PlatformTemplate:
    """A text that the platform has approved: it takes it outside of its window too. `{{1}}`, `{{2}}` … are its variables."""

    name: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to deliver. `key` is the same for every attempt: the platform's idempotency key where it has one.

    `human`: a person wrote or reviewed it; a platform's human-agent window may be used only then.
    """

    key: str
    thread_id: str
    text: str
    html: str | None = None
    parent_id: str | None = None
    private: bool = False
    attachments: tuple[Attachment, ...] = ()
    envelope: Envelope | None = None
    author_name: str | None = None
    recipient: str | None = None  # the author id of the person answered
    human: bool = True
    post_id: str | None = None  # the post or room that the conversation hangs on
    template: PlatformTemplate | None = None  # sent instead of free words; `text` is how it reads
    template_values: tuple[str, ...] = ()  # of its variables, in order


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's word that it has the reply: its id for it, and its own time."""

    message_id: str
    accepted_at: datetime
    permalink: str | None = None


class Verification(StrEnum):
    """Against what a connector was tried: documents, channel pages and set-up pages say so."""

    SERVER = "server"  # a real server of the platform's own software, in the tests
    CLIENTS = "clients"  # a server of ours that independent clients of the platform check
    DOCUMENTS = "documents"  # a server of ours written from the platform's documents: not verified against the live service


@dataclass(frozen=True, slots=True)
class Length:
    """How long an answer may be, counted in `unit`; `most` None: the platform names no limit."""

    most: int | None = None
    unit: LengthUnit = LengthUnit.CHARS


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do; the page offers nothing else. Lengths count in `length_unit`, windows in hours since the customer spoke."""

    verified: Verification = Verification.DOCUMENTS
    unverified_kinds: frozenset[ConversationKind] = frozenset()  # conversations that only documents tell of, whatever `verified` says

    conversation_kinds: frozenset[ConversationKind] = frozenset({ConversationKind.DIRECT})
    max_length: int | None = None
    length_unit: LengthUnit = LengthUnit.CHARS
    other_lengths: Mapping[ConversationKind, Length] = field(default_factory=dict[ConversationKind, Length])  # of kinds that differ
    idempotent_send: bool = False
    idempotent_minutes: int | None = None  # for how long the platform knows a key again; None: for ever
    edits_in: bool = False
    deletes_in: bool = False
    history: bool = False
    attachments: bool = False
    max_attachment_bytes: int = 25 * 1024 * 1024
    actions: frozenset[Action] = frozenset()
    own_only: frozenset[Action] = frozenset()  # of these actions: those that are possible only with messages of our own
    consequences: Mapping[Action, str] = field(default_factory=dict[Action, str])  # what one really does here, where that is not the usual
    replies: bool = True  # whether anything can be answered at all
    window_hours: int | None = None
    human_window_hours: int | None = None  # the longer window for what a person wrote
    one_reply_only: bool = False  # until the customer speaks again
    subject: bool = False  # replies carry a subject and recipients
    html: bool = False
    window_kinds: frozenset[ConversationKind] | None = None  # the kinds of conversation that have the windows; None: all

    def length(self, kind: ConversationKind, *, private: bool = False) -> Length:
        """How long an answer may be in a conversation of this kind; what is `private` is as long as a direct message may be."""
        asked = ConversationKind.DIRECT if private else kind
        return self.other_lengths.get(asked, Length(self.max_length, self.length_unit))


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook as it arrived: header names in lower case, the body as raw bytes for the signature."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Response:
    """What the platform is told once everything is stored."""

    status: int = 200
    body: str = ""
    media_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@runtime_checkable
class Connector(Protocol):
    """One connected account. Made with its checked `Config`; closed when the host is done with it."""

    name: ClassVar[str]  # the platform, "telegram"
    title: ClassVar[str]  # as people write it, "Telegram"
    Config: ClassVar[type[BaseModel]]  # its JSON Schema draws the set-up form; secrets are SecretStr
    capabilities: ClassVar[Capabilities]

    def __init__(self, config: Any) -> None: ...

    async def check(self) -> Author:
        """Prove that the account can be read and answered from; returns the connected account. Changes nothing on the platform."""
        ...

    def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after `cursor`, then live, for ever. Being resumed is the host's acknowledgement of the batch before."""
        ...

    async def send(self, reply: Reply) -> Receipt:
        """Deliver one reply, once. Raise `Ambiguous` when the platform may have taken it."""
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class AcceptsWebhooks(Protocol):
    """A platform that calls us."""

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Verify and parse; no network, no waiting. Batches are keyed by account id, "" for this channel (one URL may serve many).

        Raises `Refused` when the request is not genuine; what is genuine but cannot be parsed goes to `Batch.rejected`.
        """
        ...


@runtime_checkable
class Rereads(Protocol):
    """A connector that can be given a rejected payload again, when it has learned to read it."""

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """Parse what was once put into `Rejected.raw`; no signature, no network. What is still unreadable is rejected again."""
        ...


@runtime_checkable
class FetchesFiles(Protocol):
    """A platform whose files need the account's credentials: an `Attachment.url` with a scheme of its own ("telegram:…") leads here."""

    async def fetch_file(self, url: str) -> bytes:
        """The bytes behind such an address; called after the message was stored, again later when it fails in passing."""
        ...


@runtime_checkable
class Acts(Protocol):
    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Do one of `capabilities.actions` to a message; `text` is that of an edit. Raise `Ambiguous` when it may have been done.

        Every action but a like is tried again after that: it says how the message shall be, and twice is the same as once.
        """
        ...


@runtime_checkable
class Reconciles(Protocol):
    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Look the reply up on the platform after an ambiguous send; None when it is certainly not there."""
        ...


@runtime_checkable
class Counts(Protocol):
    async def counts(self, post_id: str) -> int:
        """How many comments the platform says the post has."""
        ...


@runtime_checkable
class Lists(Protocol):
    """A platform that lists what it has: `parley reconcile` compares it with what came in, and fetches what is missing."""

    def listed(self, post_id: str) -> AsyncIterator[Batch]:
        """All that stands under a post now, with the same message ids as the stream gives; cursors are ignored."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How much the platform still allows this account, and until when."""

    quota_used: int | None = None
    quota_limit: int | None = None
    quota_resets_at: datetime | None = None
    token_expires_at: datetime | None = None


@runtime_checkable
class TellsStanding(Protocol):
    @property
    def standing(self) -> Standing:
        """What the platform's answers have told so far; no network. The host reads it after each batch and while it waits."""
        ...


class Secrets(Protocol):
    """What the host lends to a connector that renews secrets of its `Config`: one place for all that use the account."""

    async def newest(self) -> Mapping[str, str]:
        """The secrets as they are now, by field: ask before renewing, somebody else may have done it meanwhile."""
        ...

    async def keep(self, renewed: Mapping[str, str]) -> None:
        """Put them into the place of the former ones. When this returns they are stored: only then use them."""
        ...


@runtime_checkable
class Renews(Protocol):
    """A connector of a platform that gives secrets of the `Config` anew, and may not take the former ones again."""

    def lend(self, secrets: Secrets) -> None:
        """Called once, before anything else."""
        ...


@runtime_checkable
class HasTemplates(Protocol):
    async def templates(self) -> Sequence[PlatformTemplate]:
        """The texts that the platform has approved for this account."""
        ...


@runtime_checkable
class Narrows(Protocol):
    """A `Config` whose account cannot do all that its platform can, or not always."""

    def narrow(self, capabilities: Capabilities) -> Capabilities:
        """The connector's capabilities as this account has them."""
        ...


@runtime_checkable
class WritesAs(Protocol):
    """A `Config` of an account with several addresses; an `Envelope.sender` is one of them."""

    @property
    def senders(self) -> Sequence[str]:
        """The addresses that an answer may come from, the usual one first."""
        ...


class ConnectorError(Exception):
    """Something between us and the platform failed; the message is a sentence for the person who mends it, without any secret."""


class AuthError(ConnectorError):
    """The platform no longer accepts the credentials."""


class RateLimited(ConnectorError):
    """The platform asks us to wait `retry_after` seconds, a day at most: a longer time, or none that is a number, is a fault of theirs."""

    LONGEST: ClassVar[float] = 86_400.0

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = min(max(retry_after, 0.0), self.LONGEST) if retry_after == retry_after else self.LONGEST  # NaN is not itself


class Transient(ConnectorError):
    """A passing failure: try again later."""


class Ambiguous(ConnectorError):
    """The reply may have been accepted: nobody can tell from here."""


class Permanent(ConnectorError):
    """It will never work as it stands."""


class WindowClosed(Permanent):
    """The platform allows no answer to this conversation any more."""


class CursorExpired(ConnectorError):
    """The platform no longer knows the place we stopped at."""


class Refused(ConnectorError):
    """A webhook that is not genuine or not readable. `status` is what the caller is told."""

    def __init__(self, message: str, status: int = 401) -> None:
        super().__init__(message)
        self.status = status
