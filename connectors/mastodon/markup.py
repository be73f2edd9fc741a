"""The HTML of a status as plain text.

Mastodon writes paragraphs, line breaks and links; links show their whole address, cut into parts of which some are hidden
(https://docs.joinmastodon.org/spec/activitypub/#sanitization). Others write lists, quotations and preformatted text too.
"""

import re

from connectors.markup import words

__all__ = ["unaddressed", "without", "words"]

NAMES = re.compile(r"(?:@[\w.-]+(?:@[\w.-]+)?\s+)+")


def unaddressed(text: str) -> str:
    """Without the names in front that a reply begins with; all of it where there is nothing else."""
    match = NAMES.match(text)
    return (text[match.end() :] if match else text) or text


def without(text: str, name: str) -> str:
    """Without this name ("shop") in front, with or without its server; all of it where there is nothing else."""
    match = re.match(rf"@{re.escape(name)}(?:@[\w.-]+)?\s+", text, re.IGNORECASE)
    return (text[match.end() :] if match else text) or text
