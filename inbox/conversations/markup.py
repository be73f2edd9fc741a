"""Markup that came from outside, made harmless before it is stored."""

import re

import nh3

TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "figcaption",
    "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small",
    "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "type"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "col": {"span"},
    "colgroup": {"span"},
}
SCHEMES = {"http", "https", "mailto", "tel", "cid"}
UNSAID = {"script", "style", "title"}  # what is between their tags is no text either
# What nh3 writes is regular: values in double quotes that hold none themselves, and no bare "<" in text. So this meets image tags only.
REMOTE_IMAGE = re.compile(r'(<img(?:\s+(?!src=)[\w-]+="[^"]*")*)\s+src="(?!cid:)')

# As a browser does, the cleaning opens signs that were left open anew in every paragraph: 17 kB of letter became 12 MB, 100 kB all memory.
# Of those that are the same it opens three at most, so they lose what tells them apart. Its time grows with the square of the depth.
MOST_TAGS = 20_000
MOST_GROWN = 500_000  # tags
SIGN = re.compile(r"<(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/][^>]*", re.IGNORECASE)


def clean(html: str) -> str | None:
    """Only what letters need: no script, style or form. Images from elsewhere do not load: their address moves to data-remote-src.

    None for what is made to be a burden: then a letter is its text.
    """
    tags = html.count("<")
    if tags > MOST_TAGS:
        return None
    if tags * len(SIGN.findall(html)) > MOST_GROWN:
        html = SIGN.sub(r"<\1", html)
    rel = "noopener noreferrer nofollow"
    cleaned = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, clean_content_tags=UNSAID, url_schemes=SCHEMES, link_rel=rel)
    return REMOTE_IMAGE.sub(r'\1 data-remote-src="', cleaned)
