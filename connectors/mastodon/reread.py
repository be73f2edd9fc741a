"""A kept payload, read again without asking anybody: a status joins the thread of the one it answers."""

import json

from pydantic import ValidationError

from connectors.mastodon import parse
from connectors.mastodon.parse import Passed
from connectors.mastodon.reading import SAYING, reason
from connectors.mastodon.shapes import Account, Notification, Status
from connectors.mastodon.threads import Thread
from inbox.contract import Batch, Rejected

NOBODY = Account(id="")


def reread(raw: bytes, me: Account | None) -> Batch:
    """The event, if there is one by now."""
    try:
        told = json.loads(raw)
        kind, entry = told["kind"], told["entry"]
        me = me or NOBODY
        if kind == "notification":
            notification = Notification.model_validate(entry)
            if notification.type not in SAYING or notification.status is None:
                return Batch([parse.reaction(notification, me)])
            status = notification.status
        else:
            status = Status.model_validate(entry)
        thread = Thread(status.in_reply_to_id or status.id, is_direct=status.is_direct)
        return Batch([(parse.edit if kind == "status.update" else parse.message)(status, thread, me)])
    except Passed:
        return Batch()
    except ValidationError as error:
        return Batch(rejected=[Rejected(raw, reason(error))])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Batch(rejected=[Rejected(raw, "It is not a payload that was kept.")])
