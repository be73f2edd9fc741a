"""What a person may fill in."""

import pytest
from pydantic import ValidationError

from connectors.email import Email
from connectors.email.config import EmailConfig
from inbox.contract import Connector, Reconciles

FILLED = {"address": "Support@Shop.example", "imap_host": "imap.shop.example", "smtp_host": "smtp.shop.example", "password": "hunter2"}


def test_the_class_keeps_the_contract():
    connector = Email(EmailConfig.model_validate(FILLED))
    assert isinstance(connector, Connector)
    assert isinstance(connector, Reconciles)


def test_addresses_are_compared_in_lower_case():
    config = EmailConfig.model_validate(FILLED | {"aliases": ["Sales@Shop.example"]})
    assert config.addresses == {"support@shop.example", "sales@shop.example"}
    assert config.senders == ("support@shop.example", "sales@shop.example")  # the usual one first


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": None}, "give a password"),
        ({"password": None, "refresh_token": "r"}, "client id"),
        ({"address": "support"}, "bare address"),
        ({"address": "Shop <support@shop.example>"}, "bare address"),
        ({"aliases": ["no"]}, "bare address"),
        ({"imap_port": 0}, "greater than"),
        ({"renew": 1800}, "1700"),  # servers hang up after 30 minutes
        ({"pasword": "hunter2"}, "not permitted"),
    ],
)
def test_what_cannot_work_is_refused_and_no_secret_is_repeated(changes: dict[str, object], reason: str):
    with pytest.raises(ValidationError, match=reason) as refused:
        EmailConfig.model_validate(FILLED | changes)
    assert "hunter2" not in str(refused.value)


def test_every_field_of_the_form_has_a_title_and_a_description_and_secrets_are_marked():
    fields = EmailConfig.model_json_schema()["properties"]
    assert [name for name, field in fields.items() if not (field.get("title") and field.get("description"))] == []
    secret = {name for name, field in fields.items() if "password" in str(field.get("anyOf", ""))}
    assert secret == {"password", "smtp_password", "access_token", "refresh_token", "client_secret"}
    assert "hunter2" not in repr(EmailConfig.model_validate(FILLED))
