"""A kept payload, read again without asking anybody: a post joins the thread of the one it answers, a private message names its own."""

import json

from pydantic import ValidationError

from connectors.bluesky import parse
from connectors.bluesky.direct import parse as direct
from connectors.bluesky.direct.shapes import kind, people
from connectors.bluesky.parse import Passed
from connectors.bluesky.reading import SAYING, reason_of
from connectors.bluesky.shapes import Notification, Post, as_dict, as_list, as_text
from connectors.bluesky.threads import Thread
from inbox.contract import Batch, Rejected


def reread(raw: bytes, me: str) -> Batch:
    """The event, if there is one by now."""
    try:
        entry = as_dict(json.loads(raw))
        if kind(entry).startswith("log"):
            name, line = direct.read(entry)
            return Batch([direct.event(name, line, people(as_list(entry.get("relatedProfiles"))), me, direct.now())])
        reason = as_text(entry.get("reason"))
        if reason in parse.EMOJI:
            return Batch([parse.reaction(Notification.model_validate(entry), me)])
        if reason and reason not in SAYING:
            return Batch()
        post = Post.model_validate(entry)
        return Batch([parse.message(post, Thread(post.parent or post.uri), me)])
    except ValidationError as error:
        return Batch(rejected=[Rejected(raw, reason_of(error))])
    except Passed as reason:
        return Batch(passed_over={str(reason): 1})
    except (ValueError, RecursionError):
        return Batch(rejected=[Rejected(raw, "It is not a payload that was kept.")])
