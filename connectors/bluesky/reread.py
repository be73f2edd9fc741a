"""A kept payload, read again without asking anybody: a post joins the thread of the one it answers."""

import json

from pydantic import ValidationError

from connectors.bluesky import parse
from connectors.bluesky.reading import SAYING, reason_of
from connectors.bluesky.shapes import Notification, Post, as_dict, as_text
from connectors.bluesky.threads import Thread
from inbox.contract import Batch, Rejected


def reread(raw: bytes, me: str) -> Batch:
    """The event, if there is one by now."""
    try:
        entry = as_dict(json.loads(raw))
        reason = as_text(entry.get("reason"))
        if reason in parse.EMOJI:
            return Batch([parse.reaction(Notification.model_validate(entry), me)])
        if reason and reason not in SAYING:
            return Batch()
        post = Post.model_validate(entry)
        return Batch([parse.message(post, Thread(post.parent or post.uri), me)])
    except ValidationError as error:
        return Batch(rejected=[Rejected(raw, reason_of(error))])
    except (ValueError, RecursionError):
        return Batch(rejected=[Rejected(raw, "It is not a payload that was kept.")])
