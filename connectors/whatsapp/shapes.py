"""What of a notification is read: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages"""

from typing import Annotated

from pydantic import Field

from connectors.meta.shapes import Moment, Several, Shape, Words


class Profile(Shape):
    name: Words = ""
    username: str | None = None


class Contact(Shape):
    """`user_id`: somebody whose number the business is not told."""

    profile: Profile = Profile()
    wa_id: Words = ""
    user_id: Words = ""


class Context(Shape):
    """The message answered, and whether this one was passed on."""

    id: str | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False


class Text(Shape):
    body: Words = ""


class Media(Shape):
    id: str | None = None
    mime_type: Words = ""
    caption: Words = ""
    filename: Words = ""
    voice: bool = False


class Location(Shape):
    latitude: float
    longitude: float
    name: Words = ""
    address: Words = ""


class Phone(Shape):
    phone: Words = ""


class Email(Shape):
    email: Words = ""


class Name(Shape):
    formatted_name: Words = ""


class Card(Shape):
    """Somebody's address, passed on."""

    name: Name = Name()
    phones: Annotated[tuple[Phone, ...], Several] = ()
    emails: Annotated[tuple[Email, ...], Several] = ()


class Product(Shape):
    product_retailer_id: Words = ""
    quantity: Words = "1"
    item_price: Words = ""
    currency: Words = ""


class Order(Shape):
    text: Words = ""
    product_items: Annotated[tuple[Product, ...], Several] = ()


class Choice(Shape):
    title: Words = ""
    description: Words = ""
    body: Words = ""
    response: Words = ""


class Interactive(Shape):
    """What was pressed, chosen, filled in or allowed."""

    type: Words = ""
    button_reply: Choice | None = None
    list_reply: Choice | None = None
    nfm_reply: Choice | None = None
    call_permission_reply: Choice | None = None


class Button(Shape):
    text: Words = ""


class Reaction(Shape):
    message_id: str
    emoji: Words = ""


class Details(Shape):
    details: Words = ""


class Fault(Shape):
    code: int = 0
    title: Words = ""
    message: Words = ""
    error_data: Details | None = None


class Referral(Shape):
    """The ad or post that led the customer here."""

    source_url: str | None = None
    source_id: Words = ""
    headline: Words = ""
    body: Words = ""
    image_url: str | None = None
    thumbnail_url: str | None = None


class Content(Shape):
    """What a message says; the field named like its `type` has it."""

    type: Words = ""
    text: Text | None = None
    image: Media | None = None
    video: Media | None = None
    audio: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    location: Location | None = None
    contacts: Annotated[tuple[Card, ...], Several] = ()
    order: Order | None = None
    button: Button | None = None
    interactive: Interactive | None = None
    context: Context | None = None


class Edit(Shape):
    original_message_id: str
    message: Content = Content()


class Revoke(Shape):
    original_message_id: str


class Message(Content):
    id: str
    timestamp: Moment
    sender: Words = Field(default="", alias="from")
    from_user_id: Words = ""
    to: Words = ""
    to_user_id: Words = ""
    reaction: Reaction | None = None
    edit: Edit | None = None
    revoke: Revoke | None = None
    referral: Referral | None = None


class Status(Shape):
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status"""

    id: str
    status: str
    timestamp: Moment
    recipient_id: Words = ""
    recipient_user_id: Words = ""
    biz_opaque_callback_data: str | None = None
    errors: Annotated[tuple[Fault, ...], Several] = ()


class Metadata(Shape):
    phone_number_id: str


class Value(Shape):
    metadata: Metadata
    contacts: Annotated[tuple[Contact, ...], Several] = ()
    messages: Annotated[tuple[Message, ...], Several] = ()
    statuses: Annotated[tuple[Status, ...], Several] = ()
    message_echoes: Annotated[tuple[Message, ...], Several] = ()
