"""Discord's objects as its documents show them, with every field that is always there."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count
from typing import Any

Json = dict[str, Any]
EPOCH = 1_420_070_400_000
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
_numbers = count(1)


def snowflake(at: datetime) -> str:
    """https://docs.discord.com/developers/reference#snowflakes: the milliseconds, and a number that makes it one of its kind."""
    return str((int(at.timestamp() * 1000) - EPOCH) << 22 | next(_numbers) % 4096)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def user(number: str, name: str, **more: Any) -> Json:
    """https://docs.discord.com/developers/resources/user#user-object"""
    shape: Json = {
        "id": number, "username": name, "discriminator": "0", "global_name": name.title(), "avatar": "33ecab261d4681afa4d85a04691c4a01",
        "avatar_decoration_data": None, "public_flags": 0, "collectibles": None, "primary_guild": None,
    }  # fmt: skip
    return shape | more


US = user("80351110224678912", "parley", bot=True, global_name=None)
ANNA, BERND = user("82198898841029460", "anna"), user("82198810841029461", "bernd")
GUILD, GENERAL, HELP, CATEGORY = "290926798626357250", "290926798999357251", "290926798999357252", "290926798999357253"
MODERATORS, OURS = "290926798626357260", "290926798626357261"


def role(number: str, name: str, **more: Any) -> Json:
    """https://docs.discord.com/developers/topics/permissions#role-object"""
    shape: Json = {
        "id": number, "name": name, "description": None, "permissions": "2248473465835073", "position": 1, "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None}, "hoist": False, "managed": False,
        "mentionable": False, "icon": None, "unicode_emoji": None, "flags": 0,
    }  # fmt: skip
    return shape | more


def member(who: Json, *roles: str, **more: Any) -> Json:
    """https://docs.discord.com/developers/resources/guild#guild-member-object"""
    shape: Json = {
        "user": who, "nick": None, "avatar": None, "banner": None, "roles": list(roles), "joined_at": stamp(MORNING), "premium_since": None,
        "deaf": False, "mute": False, "flags": 0, "pending": False, "communication_disabled_until": None,
    }  # fmt: skip
    return shape | more


def channel(number: str, name: str, kind: int = 0, **more: Any) -> Json:
    """https://docs.discord.com/developers/resources/channel#channel-object"""
    shape: Json = {
        "id": number, "type": kind, "guild_id": GUILD, "name": name, "topic": None, "position": 1, "permission_overwrites": [],
        "nsfw": False, "parent_id": CATEGORY, "last_message_id": None, "last_pin_timestamp": None, "rate_limit_per_user": 0, "flags": 0,
    }  # fmt: skip
    if kind in {15, 16}:
        shape |= {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None, "default_forum_layout": 0}
    return shape | more


def thread(number: str, name: str, parent: str, kind: int = 11, *, archived_at: datetime | None = None, **more: Any) -> Json:
    """https://docs.discord.com/developers/topics/threads#thread-fields"""
    at = archived_at or MORNING
    metadata = {
        *(("archived", archived_at is not None), ("auto_archive_duration", 1440), ("archive_timestamp", stamp(at))),
        *(("locked", False), ("create_timestamp", stamp(MORNING))),
    }
    shape: Json = {
        "id": number, "type": kind, "guild_id": GUILD, "name": name, "parent_id": parent, "owner_id": ANNA["id"], "last_message_id": None,
        "last_pin_timestamp": None, "rate_limit_per_user": 0, "message_count": 0, "member_count": 1, "total_message_sent": 0, "flags": 0,
        "thread_metadata": dict(metadata),
    }  # fmt: skip
    return shape | more


def guild(**more: Any) -> Json:
    """https://docs.discord.com/developers/resources/guild#guild-object"""
    shape: Json = {
        "id": GUILD, "name": "The bakery", "icon": None, "splash": None, "discovery_splash": None, "owner_id": BERND["id"],
        "afk_channel_id": None, "afk_timeout": 300, "verification_level": 0, "default_message_notifications": 0,
        "explicit_content_filter": 0, "emojis": [], "features": [], "mfa_level": 0, "application_id": None, "system_channel_id": None,
        "system_channel_flags": 0, "rules_channel_id": None, "max_presences": None, "max_members": 250000, "vanity_url_code": None,
        "description": None, "banner": None, "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
        "public_updates_channel_id": None, "max_video_channel_users": 25, "nsfw_level": 0, "stickers": [],
        "premium_progress_bar_enabled": False, "safety_alerts_channel_id": None, "incidents_data": None,
        "roles": [role(GUILD, "@everyone"), role(MODERATORS, "Moderators"), role(OURS, "Parley", managed=True)],
    }  # fmt: skip
    return shape | more


def attachment(number: str, name: str, kind: str, size: int, **more: Any) -> Json:
    """https://docs.discord.com/developers/resources/message#attachment-object"""
    url = f"https://cdn.discordapp.com/attachments/{GENERAL}/{number}/{name}?ex=65d903de&is=65c68ede&hm=2481f30d"
    return {"id": number, "filename": name, "content_type": kind, "size": size, "url": url, "proxy_url": url} | more


def message(where: str, by: Json, text: str, at: datetime, *, to: Iterable[Json] = (), **more: Any) -> Json:
    """https://docs.discord.com/developers/resources/message#message-object"""
    shape: Json = {
        "id": snowflake(at), "channel_id": where, "author": by, "content": text, "timestamp": stamp(at), "edited_timestamp": None,
        "tts": False, "mention_everyone": False, "mentions": list(to), "mention_roles": [], "attachments": [], "embeds": [],
        "pinned": False, "type": 0, "flags": 0, "components": [],
    }  # fmt: skip
    return shape | more
