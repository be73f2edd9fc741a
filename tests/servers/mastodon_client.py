"""Mastodon.py before our fake: run by its own interpreter as `mastodon_client.py ADDRESS TOKEN`, tells what it saw as JSON."""

import json
import os
import sys
import threading
from typing import Any

import mastodon
from mastodon import Mastodon, StreamListener

ADDRESS, TOKEN = sys.argv[1:]


class Listener(StreamListener):
    """Collects what it hears; `enough` once there are as many events as the fake was told to send."""

    def __init__(self, count: int) -> None:
        self.heard: list[list[Any]] = []
        self.alive = threading.Event()
        self.enough = threading.Event()
        self._count = count

    def _note(self, kind: str, what: Any) -> None:
        self.heard.append([kind, what])
        if len(self.heard) == self._count:
            self.enough.set()

    def handle_heartbeat(self) -> None:
        self.alive.set()

    def on_notification(self, notification: Any) -> None:
        self._note("notification", [notification.type, str(notification.status.id), notification.status.content])

    def on_update(self, status: Any) -> None:
        self._note("update", str(status.id))

    def on_status_update(self, status: Any) -> None:
        self._note("status.update", [str(status.id), status.edited_at is not None])

    def on_delete(self, status_id: Any) -> None:
        self._note("delete", str(status_id))


def refusal(do: Any) -> str:
    try:
        do()
    except mastodon.MastodonError as error:
        return type(error).__name__
    return "nothing"


def names(found: Any) -> list[str]:
    return [str(entry.id) for entry in found or []]


def main() -> None:
    api = Mastodon(access_token=TOKEN, api_base_url=ADDRESS, ratelimit_method="throw")
    me = api.account_verify_credentials()
    seen: dict[str, Any] = {"me": [str(me.id), me.acct, me.display_name]}

    latest = api.notifications(limit=3)
    older = api.fetch_next(latest)
    seen["latest"], seen["older"], seen["newer"] = names(latest), names(older), names(api.fetch_previous(older))
    seen["after"] = names(api.notifications(min_id=older[-1].id, limit=2))
    seen["mentions"] = [[entry.type, entry.account.acct, entry.status.visibility] for entry in latest]

    asked = latest[0].status
    picture = api.media_post(b"\x89PNG", mime_type="image/png", file_name="bread.png", description="Bread")
    answer = {"in_reply_to_id": asked.id, "visibility": "direct", "idempotency_key": "k", "media_ids": [picture]}
    sent = [api.status_post("@anna@far.example At nine.", **answer) for _ in range(2)]
    seen["sent"] = [[str(one.id), one.visibility, str(one.in_reply_to_id), one.media_attachments[0].description] for one in sent]
    context = api.status_context(sent[0].id)
    seen["above"], seen["below"] = names(context.ancestors), names(api.status_context(asked.id).descendants)
    seen["own"] = names(api.account_statuses(me.id))
    seen["some"] = names(api.statuses([asked.id, 1]))
    seen["liked"] = api.status_favourite(asked.id).favourited
    seen["limits"] = dict(api.instance_v2().configuration.statuses)

    wrong = Mastodon(access_token="wrong", api_base_url=ADDRESS, ratelimit_method="throw")
    seen["refusals"] = [
        refusal(wrong.account_verify_credentials),
        refusal(lambda: api.status(1)),
        refusal(lambda: api.status_post("x" * 501)),
        refusal(lambda: api.status(2)),
        refusal(lambda: api.status(3)),
    ]

    listener = Listener(4)
    api.stream_user(listener, run_async=True)
    listener.enough.wait(20)
    seen["heard"], seen["was alive"] = listener.heard[:4], listener.alive.is_set()
    api.status_delete(sent[0].id)
    seen["deleted"] = refusal(lambda: api.status(sent[0].id))
    sys.stdout.write(json.dumps(seen, default=str))
    sys.stdout.flush()
    os._exit(0)  # the client's own way to end a stream waits for the next sign of life


main()
