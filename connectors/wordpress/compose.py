"""What a reply looks like as a comment: WordPress takes HTML, and a reply is plain text."""

import html
import re
import unicodedata

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def content(text: str) -> str:
    """The text as WordPress stores it: what it would change by itself is changed before, so that a repeated reply is recognised.

    It takes away control characters and blanks around (https://developer.wordpress.org/reference/functions/wp_kses_no_null/), and loses
    backslashes when it looks for duplicates (https://developer.wordpress.org/reference/functions/wp_allow_comment/).
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = "".join(character for character in lines if unicodedata.category(character) != "Cs")
    return html.escape(CONTROL.sub("", lines), quote=False).replace("\\", "&#92;").strip()
