"""The set-up form of a channel: in words, in the reader's language, whatever pydantic calls it."""

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

import connectors
from api.deps import House
from api.pages.settings import checking, config_form, faults
from connectors.email.config import EmailConfig
from connectors.webhook.connector import WebhookConfig
from connectors.widget import WidgetConfig
from inbox.models import Role
from tests.api.people import browser, found, person
from web.i18n import language

FORMS = {name: connectors.find(name).Config for name in connectors.addresses() if name not in checking.HIDDEN}
MAILBOX = {"address": "a@example.org", "imap_host": "i.example.org", "smtp_host": "s.example.org", "password": "x"}


@pytest.mark.parametrize("name", sorted(FORMS))
def test_every_word_of_a_form_is_said_in_german_too(name: str):
    german = language("de").texts
    drawn = config_form.entries(FORMS[name], {})
    words = {connectors.find(name).title, *(text for entry in drawn for text in (entry.label, entry.hint))}
    words |= {word for entry in drawn for _, word in entry.choices}
    assert sorted(words - german.keys() - {""}) == []


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_choice_is_told_in_words_and_never_as_it_is_stored(name: str):
    choices = [choice for entry in config_form.entries(FORMS[name], {}) for choice in entry.choices]
    assert [value for value, words in choices if value == words] == []


def test_every_sentence_about_a_field_is_said_in_german_too():
    assert sorted(set(faults.SENTENCES.values()) - language("de").texts.keys()) == []


@pytest.mark.parametrize(
    ("form", "given", "field", "german"),
    [
        (EmailConfig, {**MAILBOX, "address": ""}, "address", "Das wird gebraucht."),
        (EmailConfig, {**MAILBOX, "address": "nobody"}, "address", "Schreiben Sie nur die Adresse, etwa support@example.org"),
        (EmailConfig, {**MAILBOX, "imap_port": "many"}, "imap_port", "Schreiben Sie eine ganze Zahl."),
        (EmailConfig, {**MAILBOX, "imap_port": "99999"}, "imap_port", "Schreiben Sie 65535 oder weniger."),
        (EmailConfig, {**MAILBOX, "timeout": "0"}, "timeout", "Schreiben Sie eine Zahl über 0."),
        (EmailConfig, {**MAILBOX, "imap_security": "rot13"}, "imap_security", "Wählen Sie eines davon."),
        (EmailConfig, {**MAILBOX, "password": ""}, "", "Geben Sie ein Passwort, ein Zugangs- oder ein Erneuerungstoken an"),
        (WidgetConfig, {"title": "x" * 61}, "title", "Schreiben Sie höchstens 60 Zeichen."),
        (WidgetConfig, {"colour": "blue"}, "colour", "Das ist nicht so geschrieben, wie es sein sollte."),
        (
            WidgetConfig,
            {"allowed_origins": "example"},
            "allowed_origins",
            "Jede Zeile ist die Adresse einer Website, etwa https://www.example.org",
        ),
        (WebhookConfig, {"secret": "whsec_AAAA"}, "secret", "Ein Geheimnis hat 24 bis 64 Bytes"),
        (WebhookConfig, {"secret": "§"}, "secret", "Ein Geheimnis ist whsec_ und danach Base64"),
    ],
)
def test_what_is_wrong_with_a_field_is_told_in_the_readers_language(form: type[BaseModel], given: dict, field: str, german: str):
    filled = config_form.read(form, {f"config.{name}": value for name, value in given.items()}, {})
    assert {name: fault.told("de") for name, fault in filled.errors.items()} == {field: german}


async def test_a_form_that_comes_back_speaks_the_readers_language(app: FastAPI, house: House):
    workspace = await found(house)
    admin = await person(house, workspace, role=Role.ADMIN)
    async with browser(app, admin) as client:
        client.headers["accept-language"] = "de"
        address = f"/w/{workspace.id}/settings/channels/new/email"
        page = await client.get(address)
        assert ">TLS von Anfang an</option>" in page.text
        page = await client.post(
            address, data={"name": "Post", **{f"config.{name}": value for name, value in MAILBOX.items()}, "config.imap_port": "0"}
        )
    assert page.status_code == 422
    assert "Schreiben Sie 1 oder mehr." in page.text


def test_a_colour_is_chosen_as_one():
    (entry,) = [entry for entry in config_form.entries(WidgetConfig, {"colour": "#00aa00"}) if entry.name == "colour"]
    assert (entry.kind, entry.value) == ("colour", "#00aa00")
