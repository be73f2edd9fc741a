"""What servers refuse, as the contract's errors.

https://www.rfc-editor.org/rfc/rfc6120#section-8.3 (stanzas), #section-4.9 (streams), #section-6.5 (signing in)
"""

from xml.etree.ElementTree import Element

from connectors.xmpp.stanzas import CLIENT
from inbox.contract import AuthError, ConnectorError, Permanent, RateLimited, Transient

STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
STREAMS = "{urn:ietf:params:xml:ns:xmpp-streams}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
PAUSE = 30.0  # seconds: nobody says for how long to wait
TOO_MUCH = {"policy-violation", "resource-constraint"}
FOR_EVER = {"host-unknown", "host-gone", "unsupported-version", "invalid-namespace"}
WORDS = {
    "item-not-found": "there is no such address",
    "service-unavailable": "nobody takes messages there",
    "remote-server-not-found": "there is no such server",
    "remote-server-timeout": "the other server does not answer",
    "forbidden": "it is not allowed",
    "not-allowed": "it is not allowed",
    "not-authorized": "it wants a password",
    "registration-required": "only members may come in",
    "conflict": "somebody else has the nick",
    "not-acceptable": "we are not in there",
}


class Refusal(Permanent):
    """The server, or whoever the stanza went to, says no; `condition` is its name for the reason."""

    def __init__(self, message: str, condition: str) -> None:
        super().__init__(message)
        self.condition = condition


def of_stanza(stanza: Element) -> ConnectorError:
    error = stanza.find(f"{CLIENT}error")
    condition, words = _condition(error, STANZAS)
    told = f"The server refuses it ({condition}): {words or WORDS.get(condition, 'it does not say more')}."
    if error is not None and error.get("type") == "wait":
        return RateLimited(told, PAUSE) if condition in TOO_MUCH else Transient(told)
    return Refusal(told, condition)


def of_stream(error: Element) -> ConnectorError:
    condition, _ = _condition(error, STREAMS)
    if condition in FOR_EVER:
        return Permanent(f"The server does not want this connection ({condition}).")
    return Transient(f"The server closed the connection ({condition}).")


def of_sign_in(failure: Element) -> ConnectorError:
    condition, _ = _condition(failure, SASL)
    if condition == "temporary-auth-failure":
        return Transient("The server cannot check the password now.")
    return AuthError(f"The server does not accept the password ({condition}).")


def _condition(error: Element | None, space: str) -> tuple[str, str]:
    """The reason's name, and the words that came with it."""
    found, words = "undefined-condition", ""
    for child in error if error is not None else ():
        if child.tag == f"{space}text":
            words = (child.text or "").strip().rstrip(".")[:200]
        elif child.tag.startswith(space):
            found = child.tag.removeprefix(space)[:50]
    return found, words
