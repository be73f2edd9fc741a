"""The language of a text, told by fastText's model (docs/decisions/0014-language.md). What is too short or not sure has none: "".

The model takes 6 MB; a process loads it with the first text that it is asked about.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from inbox import languages

MODEL = Path(__file__).with_name("lid.176.ftz")
SURE = 0.8  # of 1
ENOUGH = 200  # characters of a text are looked at: more say nothing new
FEWEST_WORDS, FEWEST_LETTERS = 2, 6
FEWEST_SIGNS = 4  # of writing that puts no spaces between words
UNSPACED = "\u0e00"  # from Thai on
LABEL = "__label__"
LABELS = {"als": "gsw"}  # what the model calls otherwise than everybody else

NAMED = re.compile(r"[@#\d]|://|^www\.|^:\w+:$")  # what is an address, a name to be called by, a hashtag, a number, or an emoji's name
SIGNS = re.compile(r"[^\w'’\u0300-\u036f\u0591-\u074a\u0900-\u109d\u1700-\u18ff]+|_")  # no letter, no accent, no vowel sign: emoji too


class Model(Protocol):
    def predict(self, text: str, k: int, threshold: float, on_unicode_error: str) -> tuple[Sequence[str], Sequence[float]]: ...


def detect(text: str) -> str:
    """The language of a text in which somebody wrote, as `languages` knows it; "" when it cannot be told with confidence."""
    words = _words(text[:ENOUGH])
    if not _says_enough(words):
        return ""
    said = " ".join(words)
    labels, _ = _model().predict(said.lower(), 1, SURE, "replace")
    label = labels[0].removeprefix(LABEL) if labels else ""
    return languages.primary(LABELS.get(label, label))


def _words(text: str) -> list[str]:
    words = text.split()
    if all(map(str.isalpha, words)):
        return words
    told = [word if word.isalpha() else SIGNS.sub(" ", word) for word in words if not NAMED.search(word)]
    return " ".join(told).split()


def _says_enough(words: list[str]) -> bool:
    """Whether these are more than a name, an exclamation or an abbreviation."""
    letters = sum(map(len, words))
    if words and words[0][0] >= UNSPACED:
        return letters >= FEWEST_SIGNS
    if len(words) < FEWEST_WORDS or letters < FEWEST_LETTERS:
        return False
    is_shouted = all(word.isupper() for word in words)
    return is_shouted or not all(word[0].isupper() for word in words)  # capitals alone: names


@cache
def _model() -> Model:
    import fasttext  # 40 ms, and 6 MB with the model: when the first text is looked at

    load: Any = fasttext.load_model  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # the library is untyped
    return load(str(MODEL))
