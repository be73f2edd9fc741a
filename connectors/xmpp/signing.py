"""From a bare connection to an account's own: TLS, signing in, and a name for this connection."""

import asyncio
from base64 import b64decode, b64encode

from connectors.xmpp import refusals, sasl
from connectors.xmpp.config import XmppConfig
from connectors.xmpp.refusals import SASL
from connectors.xmpp.stanzas import IQ, node
from connectors.xmpp.wire import TLS, Wire
from inbox.contract import AuthError, Permanent

BIND = "{urn:ietf:params:xml:ns:xmpp-bind}"


async def sign_in(wire: Wire, config: XmppConfig) -> str:
    """The whole address, with the resource that the server has chosen."""
    await wire.connect(config.host or config.domain, config.port)
    features = await wire.begin()
    if config.tls:
        if features.find(f"{TLS}starttls") is None:
            raise Permanent("The server offers no TLS.")
        await wire.secure()
        features = await wire.begin()
    await _prove(wire, config, {name.text or "" for name in features.iter(f"{SASL}mechanism")})
    await wire.begin()
    await wire.say(node(IQ, {"type": "set", "id": "bind"}, node(f"{BIND}bind")))
    answer = await wire.hear()
    if answer.get("type") != "result":
        raise refusals.of_stanza(answer)
    return answer.findtext(f"{BIND}bind/{BIND}jid") or config.address


async def _prove(wire: Wire, config: XmppConfig, offered: set[str]) -> None:
    user, password = config.address.partition("@")[0], config.password.get_secret_value()
    mechanism = sasl.choose(offered)
    scram = sasl.Scram(mechanism, user, password) if mechanism in sasl.HASHES else None
    said = scram.first() if scram else sasl.plain(user, password)
    await wire.say(node(f"{SASL}auth", {"mechanism": mechanism}, b64encode(said).decode()))
    answer = await wire.hear()
    if scram and answer.tag == f"{SASL}challenge":
        said = await asyncio.to_thread(scram.final, b64decode(answer.text or ""))
        await wire.say(node(f"{SASL}response", {}, b64encode(said).decode()))
        answer = await wire.hear()
    if answer.tag == f"{SASL}failure":
        raise refusals.of_sign_in(answer)
    if answer.tag != f"{SASL}success":
        raise AuthError("The server does not sign us in as it should.")
    if scram:
        scram.check(b64decode(answer.text or ""))
