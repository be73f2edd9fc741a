"""Approved templates, and how one is filled in.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview. Variables are numbers, or names of their own:
those are numbered here in the order in which they come, and called by their names again on the way out.
"""

import re
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

from pydantic import ValidationError

from connectors.meta.graph import Graph
from connectors.meta.shapes import Json, Several, Shape, Words
from inbox.contract import Permanent, PlatformTemplate, Reply

VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
FIELDS = "name,language,status,components,parameter_format"


class Button(Shape):
    type: Words = ""
    url: Words = ""


class Component(Shape):
    type: Words = ""
    format: Words = "TEXT"
    text: Words = ""
    buttons: Annotated[tuple[Button, ...], Several] = ()


class Listed(Shape):
    name: str
    language: str
    status: Words = ""
    components: Annotated[tuple[Component, ...], Several] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """`variables`: names in the order in which they come first in the body; digits where they are numbered."""

    shown: PlatformTemplate
    variables: tuple[str, ...]


async def approved(graph: Graph, business: str, **only: str) -> list[Template]:
    """All that can be filled in with words alone."""
    found: list[Template] = []
    async with aclosing(graph.pages(f"{business}/message_templates", fields=FIELDS, limit=100, **only)) as pages:
        async for page in pages:
            found += _readable(page)
    return found


def _readable(page: list[Json]) -> Iterator[Template]:
    for given in page:
        try:
            listed = Listed.model_validate(given)
        except ValidationError:  # nothing that could be sent
            continue
        if listed.status == "APPROVED" and all(_is_plain(component) for component in listed.components):
            yield _template(listed)


def _is_plain(component: Component) -> bool:
    """A picture above, a variable beside the body, or a button that wants a value: only a program fills those in."""
    if component.type == "BUTTONS":
        return all(button.type in {"QUICK_REPLY", "URL", "PHONE_NUMBER"} and "{{" not in button.url for button in component.buttons)
    if component.type == "HEADER":
        return component.format == "TEXT" and "{{" not in component.text
    return component.type in {"BODY", "FOOTER"}


def _template(listed: Listed) -> Template:
    body = next((component.text for component in listed.components if component.type == "BODY"), "")
    names = tuple(dict.fromkeys(VARIABLE.findall(body)))
    if all(name.isdecimal() for name in names):
        names = tuple(sorted(names, key=int))
    numbered = VARIABLE.sub(lambda found: "{{" + str(names.index(found[1]) + 1) + "}}", body)
    parts = {component.type: component.text for component in listed.components} | {"BODY": numbered}
    text = "\n\n".join(parts[name] for name in ("HEADER", "BODY", "FOOTER") if parts.get(name))
    return Template(PlatformTemplate(listed.name, listed.language, text), names)


def filled(reply: Reply, variables: tuple[str, ...]) -> Json:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/template-messages"""
    assert reply.template is not None  # noqa: S101  # the caller's case
    if len(variables) != len(reply.template_values):
        raise Permanent(f"The template has {len(variables)} variables; {len(reply.template_values)} were filled in.")
    parameters = [
        {"type": "text", "text": value} | ({} if name.isdecimal() else {"parameter_name": name})
        for name, value in zip(variables, reply.template_values, strict=True)
    ]
    template: Json = {"name": reply.template.name, "language": {"code": reply.template.language}}
    if parameters:
        template["components"] = [{"type": "body", "parameters": parameters}]
    return {"type": "template", "template": template}
