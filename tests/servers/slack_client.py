"""An independent client's view of a Slack workspace: run by its own interpreter, with what it needs to know as JSON; prints JSON."""

import json
import sys
import threading
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

given = json.loads(sys.argv[1])
web = WebClient(given["token"], base_url=given["address"])
channel, root = given["channel"], given["root"]


def read() -> dict[str, Any]:
    me = web.auth_test()
    channels = [one["id"] for one in web.users_conversations(types="public_channel,private_channel,im,mpim")["channels"]]
    pages = [said for page in web.conversations_history(channel=channel, limit=200) for said in page["messages"]]
    replies = [said for page in web.conversations_replies(channel=channel, ts=root, limit=30) for said in page["messages"]]
    thread = list(dict.fromkeys(said["ts"] for said in replies))
    texts = {said["ts"]: said["text"] for said in replies}
    return {
        "me": [me["user_id"], me["team_id"]],
        "channels": channels,
        "history": [said["text"] for said in reversed(pages)],
        "replies": [texts[ts] for ts in thread],
        "user": web.users_info(user=pages[0]["user"])["user"]["profile"]["display_name"],
    }


def write() -> dict[str, Any]:
    metadata = {"event_type": "test", "event_payload": {"key": "1"}}
    posted = web.chat_postMessage(channel=channel, text="Hello", thread_ts=root, metadata=metadata)
    edited = web.chat_update(channel=channel, ts=posted["ts"], text="Edited")
    web.chat_delete(channel=channel, ts=posted["ts"])
    web.reactions_add(channel=channel, timestamp=root, name="+1")
    shared = web.files_upload_v2(channel=channel, content="first floor", filename="plan.txt", title="plan.txt", thread_ts=root)
    web.files_info(file=shared["files"][0]["id"])
    file = web.files_info(file=shared["files"][0]["id"])["file"]
    import urllib.request

    asked = urllib.request.Request(file["url_private"], headers={"Authorization": f"Bearer {given['token']}"})
    with urllib.request.urlopen(asked) as answer:
        content = answer.read().decode()
    message = posted["message"]
    return {"posted": {"ts": posted["ts"], "metadata": message["metadata"]}, "edited": edited["text"], "file": content}


def refused(call: Any, **more: Any) -> str:
    try:
        call(**more)
    except SlackApiError as error:
        return str(error.response["error"])
    return ""


def errors() -> list[str]:
    return [
        refused(web.reactions_add, channel=channel, timestamp=root, name="+1"),
        refused(web.chat_delete, channel=channel, ts="1.1"),
        refused(web.conversations_replies, channel=channel, ts="1.1"),
        refused(web.chat_postMessage, channel="C0NOWHERE", text="Hello"),
        refused(WebClient("xoxb-mallory", base_url=given["address"]).auth_test),
    ]


def listen() -> list[str]:
    """Two messages, before and after the connection is replaced."""
    heard: list[str] = []
    done = threading.Event()

    def take(client: SocketModeClient, request: SocketModeRequest) -> None:
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        heard.append(request.payload["event"]["text"])
        if len(heard) == 2:
            done.set()

    client = SocketModeClient(given["app_token"], web_client=web)
    client.socket_mode_request_listeners.append(take)
    client.connect()
    done.wait(60)
    client.close()
    return heard


class Then(Clock):
    def now(self) -> float:
        return 1531420618.0


verifier = SignatureVerifier("8f742231b10e8888abcd99yyyzzz85a5", clock=Then())
signature = verifier.generate_signature(timestamp="1531420618", body='{"a": 1}')
is_valid = verifier.is_valid(body='{"a": 1}', timestamp="1531420618", signature=signature or "")
found = {**read(), **write(), "errors": errors(), "heard": listen(), "signature": signature, "is_valid": is_valid}
sys.stdout.write(json.dumps(found))
