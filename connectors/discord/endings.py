"""How a connection to the gateway ends, and what that means.

https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
"""

import websockets

from inbox.contract import AuthError, ConnectorError, Permanent, Transient

INTENT = (
    "The bot may not read what people write: turn on Message Content Intent in the Developer Portal, on your application's page Bot, "
    "under Privileged Gateway Intents."
)
LASTING = {
    4010: "Discord does not take this bot's share of servers.",
    4011: "The bot is in too many servers for one connection: Discord wants it divided, which Parley does not do.",
    4012: "Discord does not speak this version of its gateway any more.",
    4013: "Discord does not know one of the intents asked for.",
    4014: INTENT,
}
ANEW = {1000, 1001, 4003, 4007, 4009}  # the session is over


class Broken(Transient):
    """The connection ended; its session may be resumed."""


class Ended(Transient):
    """The session ended: a new one begins."""


def ending(closed: websockets.ConnectionClosed) -> ConnectorError:
    """What a close code means."""
    code = closed.rcvd.code if closed.rcvd else 0
    if code == 4004:
        return AuthError("Discord does not accept the bot's token: reset it in the Developer Portal and enter the new one.")
    if code in LASTING:
        return Permanent(LASTING[code])
    if code in ANEW:
        return Ended("The session is over.")
    return Broken(f"Discord closed the connection ({code}).") if code else Broken("The connection to Discord broke.")
