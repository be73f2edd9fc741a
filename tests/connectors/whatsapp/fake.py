"""A number at the Cloud API on this machine.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages, …/messages/status,
…/reference/whatsapp-business-phone-number/message-api, …/business-phone-numbers/media, …/templates/overview
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.responses import Response

from tests.connectors.meta.fake import MORNING, Call, GraphApi, Json, Refusal

NUMBER, BUSINESS, SHOWN = "2001", "3001", "15550783881"
ANNA = "16505551234"
SCOPES = ["whatsapp_business_messaging", "whatsapp_business_management"]
BODY = {"type": "BODY", "text": "Hello {{1}}, your order {{2}} is ready."}


@dataclass
class CloudApi(GraphApi):
    """What the Graph API tells of one number."""

    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    media: dict[str, bytes] = field(default_factory=dict[str, bytes])
    templates: list[Json] = field(default_factory=list[Json])
    next_id: int = 900

    def template(self, name: str, *components: Json, status: str = "APPROVED", language: str = "en_US", **more: Any) -> None:
        shape = {"id": str(len(self.templates)), "name": name, "language": language, "status": status, "category": "UTILITY"}
        self.templates.append(shape | {"components": list(components or (BODY,))} | more)

    async def answer(self, call: Call) -> Any:
        self.next_id += 1
        if call.path == NUMBER:
            return {"id": NUMBER, "verified_name": "Shop", "display_phone_number": "+1 555-078-3881", "quality_rating": "GREEN"}
        if call.path == f"{NUMBER}/messages":
            return self._sent(call)
        if call.path == f"{NUMBER}/media":
            self.media[str(self.next_id)] = call.files["file"][1]
            return {"id": str(self.next_id)}
        if call.path == f"{BUSINESS}/message_templates":
            wanted = call.query.get("name")
            found = [one for one in self.templates if wanted in {None, one.get("name")}]
            return self.page(call.path, found, call, 25)
        if call.path in self.media:
            url = f"{self.address}/download/{call.path}"
            return {"messaging_product": "whatsapp", "url": url, "mime_type": "image/jpeg", "file_size": "8", "id": call.path}
        raise Refusal(100, 33, f"Object with ID '{call.path}' does not exist")

    def _sent(self, call: Call) -> Json:
        to = call.content.get("to") or call.content.get("recipient")
        if call.content["type"] == "text" and len(call.content["text"]["body"]) > 4096:
            raise Refusal(100, message="Param text['body'] must be at most 4096 characters long.")
        messages = [{"id": f"wamid.{self.next_id}"}]
        return {"messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": to}], "messages": messages}

    async def take(self, request: Any) -> Response:
        path = request.path_params["path"]
        if path.startswith("download/"):  # no proof there: it is another host
            is_ours = request.headers.get("authorization") == f"Bearer {self.token}"
            content = self.media.get(path.removeprefix("download/"))
            return Response(content) if is_ours and content is not None else Response(status_code=404)
        return await super().take(request)


def notification(*changes: Json) -> Json:
    return {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS, "changes": list(changes)}]}


def change(field: str = "messages", number: str = NUMBER, **value: Any) -> Json:
    metadata = {"display_phone_number": SHOWN, "phone_number_id": number}
    return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}


def contact(wa_id: str = ANNA, name: str = "Anna Ash") -> Json:
    return {"profile": {"name": name}, "wa_id": wa_id}


def message(name: str, kind: str = "text", content: Any = None, *, by: str = ANNA, at: datetime = MORNING, **more: Any) -> Json:
    shape = {"from": by, "id": name, "timestamp": str(int(at.timestamp())), "type": kind}
    return shape | ({} if content is None else {kind: content}) | more


def said(text: str, name: str = "wamid.1", **more: Any) -> Json:
    return change(contacts=[contact()], messages=[message(name, content={"body": text}, **more)])


def status(name: str, became: str, *, to: str = ANNA, at: datetime = MORNING, **more: Any) -> Json:
    shape = {"id": name, "status": became, "timestamp": str(int(at.timestamp())), "recipient_id": to}
    return change(statuses=[shape | more])
