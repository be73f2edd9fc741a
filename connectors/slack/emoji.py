"""Emoji by Slack's names for them (https://docs.slack.dev/reference/methods/emoji.list): those that people answer and react with.

A message tells the characters of its own emoji in its blocks; reactions tell names only. What is not here is shown by its name.
"""

import re
from collections.abc import Mapping

NAME = re.compile(r":([a-z0-9_+'-]+?)(?:::skin-tone-([2-6]))?:")
SKIN = 0x1F3F9  # and the tone's number: the characters that colour the one before
KNOWN = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "heart": "❤️", "joy": "😂", "smile": "😄", "smiley": "😃",
    "grinning": "😀", "grin": "😁", "laughing": "😆", "sweat_smile": "😅", "wink": "😉", "blush": "😊", "slightly_smiling_face": "🙂",
    "upside_down_face": "🙃", "heart_eyes": "😍", "kissing_heart": "😘", "sunglasses": "😎", "thinking_face": "🤔", "neutral_face": "😐",
    "expressionless": "😑",
    "cry": "😢", "sob": "😭", "angry": "😠", "rage": "😡", "scream": "😱", "astonished": "😲", "open_mouth": "😮", "confused": "😕",
    "disappointed": "😞", "worried": "😟", "tired_face": "😫", "sleeping": "😴", "mask": "😷", "partying_face": "🥳", "shrug": "🤷",
    "facepalm": "🤦", "tada": "🎉", "confetti_ball": "🎊", "clap": "👏", "pray": "🙏", "raised_hands": "🙌", "wave": "👋", "ok_hand": "👌",
    "muscle": "💪", "point_up": "☝️", "point_right": "👉", "point_left": "👈", "point_down": "👇", "crossed_fingers": "🤞", "v": "✌️",
    "handshake": "🤝", "eyes": "👀", "fire": "🔥", "rocket": "🚀", "star": "⭐", "star2": "🌟", "sparkles": "✨", "zap": "⚡", "100": "💯",
    "white_check_mark": "✅", "heavy_check_mark": "✔️", "ballot_box_with_check": "☑️", "x": "❌", "heavy_plus_sign": "➕", "question": "❓",
    "exclamation": "❗", "warning": "⚠️", "no_entry": "⛔", "rotating_light": "🚨", "bulb": "💡", "memo": "📝", "bug": "🐛", "wrench": "🔧",
    "hourglass": "⌛", "calendar": "📅", "email": "✉️", "phone": "☎️", "coffee": "☕", "beer": "🍺", "beers": "🍻", "cake": "🍰",
    "birthday": "🎂", "gift": "🎁", "broken_heart": "💔", "blue_heart": "💙", "green_heart": "💚", "yellow_heart": "💛",
    "purple_heart": "💜", "black_heart": "🖤", "two_hearts": "💕", "hugging_face": "🤗", "saluting_face": "🫡", "melting_face": "🫠",
    "robot_face": "🤖",
    "skull": "💀", "see_no_evil": "🙈", "arrow_up": "⬆️", "arrow_down": "⬇️", "repeat": "🔁", "lock": "🔒", "unlock": "🔓", "key": "🔑",
}  # fmt: skip


def read(name: str, own: Mapping[str, str] | None = None) -> str:
    """The character of a name, "thumbsup::skin-tone-3" too; the name between colons where nobody knows it."""
    known, _, tone = name.partition("::skin-tone-")
    found = (own or {}).get(name) or KNOWN.get(known, "")
    if not found:
        return f":{name}:"
    return found + (chr(SKIN + int(tone)) if tone in set("23456") and name not in (own or {}) else "")


def replace(text: str, own: Mapping[str, str]) -> str:
    """A text with characters for names."""
    return NAME.sub(lambda found: read(found[0][1:-1], own), text)


def character(points: str) -> str:
    """What the blocks tell: code points in hexadecimal, "1f468-200d-1f4bb"; "" for nonsense."""
    try:
        return "".join(chr(int(point, 16)) for point in points.split("-"))
    except (ValueError, OverflowError):
        return ""
