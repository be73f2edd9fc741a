"""Which messages expect an answer. Pure; the rules of docs/promptness.md.

A channel's `expects_answer` says it for each kind of conversation, {"comments": "addressed"}, and for all group rooms, {"rooms": "every"};
what it leaves out is as in `DEFAULTS`, and "addressed" in rooms.
{"help": [ids]} names posts and threads in which every message expects an answer, {"not_needed": ["emoji"]} which of the rules hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inbox.contract import ConversationKind


class Expectation(StrEnum):
    YES = "yes"
    NO = "no"  # stored and shown; a person may open a wait on it
    BY_RULE = "by_rule"  # would expect one, but a rule says that nothing is asked


class Expecting(StrEnum):
    """Which messages of a kind of conversation expect an answer."""

    EVERY = "every"
    ROOTS = "roots"  # root comments, answers to us and mentions of us
    ADDRESSED = "addressed"  # answers to us and mentions of us: group rooms
    NOTHING = "nothing"


DEFAULTS = {
    ConversationKind.DIRECT: Expecting.EVERY,
    ConversationKind.EMAIL: Expecting.EVERY,
    ConversationKind.REVIEW: Expecting.EVERY,
    ConversationKind.COMMENTS: Expecting.ROOTS,
}

EXPECTING = {expecting.value: expecting for expecting in Expecting}
RULES = frozenset({"emoji", "friend_tag", "praise", "thanks"})

THANKS = """
    thanks thank thankyou thx tnx ty tysm cheers danke dankeschön dankeschoen vielendank merci gracias graçias teşekkürler
    teşekkür tesekkurler tesekkur sağol sağolun sagol eyvallah sağolasın obrigado obrigada grazie dank bedankt dankjewel dziękuję
    dzięki dzieki tack tak takk kiitos спасибо дякую شكرا ευχαριστώ 谢谢 謝謝 ありがとう 감사합니다
"""
# What people say around their thanks. A word that is not here may be a question: then a person looks.
COURTESIES = """
    a again all and are awesome best brilliant cool excellent fantastic for fast good great guys have help helpful helping i it
    its just lot love lovely many much nice ok okay perfect quick really reply response so soo sooo super team that the this to
    top very was wonderful wow you your youre day aber ah alles auch antwort alle allen an auf das dass dem den der die dir du echt einfach
    euch eure eurer für ging gut gute guter habt hilfe ihr ist ja klar klasse lieb lieben mega mal nett nochmal perfekt prima schnelle
    schnell sehr seid sie schön schöne schönen sind spitze tag toll tolle total und viele vielen voll von wirklich wunderbar ihnen
    herzlichen herzlich besten muchas muchísimas mil por la el todo todos ayuda respuesta muy amable rápida genial perfecto sois
    son es un equipo beaucoup bien pour le votre ton aide réponse très gentil vous toi tout tous parfait c'est génial rapide mille
    çok cok ederim ederiz için yardım yardımınız cevap cevabınız harika süper harikasınız süpersiniz size sana hepinize muito pela
    pelo molto voor de je wel bardzo جزيلا لكم لك
"""
# Delight that nobody says in irony: "great", "super" and "toll" alone may mean the contrary, so they only stand around it.
PRAISE = """
    lecker leckere leckeres superlecker megalecker köstlich köstliche schmackhaft yummy yum yumm delicious tasty traumhaft wunderschön
    wunderschöne himmlisch beautiful gorgeous stunning adorable love lovely liebe lieben lezzetli nefis enfes leziz bayıldım
    delicioso deliciosa
    riquísimo riquísima riquisimo délicieux délicieuse delizioso deliziosa buonissimo buonissima gostoso gostosa heerlijk pyszne لذيذ لذيذة
"""
AROUND_PRAISE = """
    so sooo soooo sehr mega super ultra total voll echt wirklich einfach ganz really very just absolutely the this it its it's das die der
    ist sind schmeckt sieht ich wir i we es sie euch eure euer you your all mmh mmm mmmm hmm oh wow omg and und çok muy très molto muito erg
    que c'est è bardzo جدا
"""
THANKING = frozenset(THANKS.split())
COURTEOUS = THANKING | frozenset(COURTESIES.split())
PRAISING = frozenset(PRAISE.split())
DELIGHTED = PRAISING | frozenset(AROUND_PRAISE.split())
VOWEL_SIGNS = re.compile("[\u064b-\u0652]")  # Arabic is written with or without them
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
MENTION = re.compile(r"(?<![\w@])@[\w.\-]+(?:@[\w.\-]+)?")
ASKS = re.compile(r"[?？؟;¿]")
SAYS = re.compile(r"[^\W_]")
DIGIT = re.compile(r"\d")
LONGEST_THANKS = 120  # characters: who writes more says more
LONGEST_PRAISE = 60


@dataclass(slots=True)
class Facts:
    """What the rules look at in one message."""

    text: str
    is_root: bool = False
    answers_us: bool = False
    mentions_us: bool = False
    files: int = 0
    automatic: bool = False
    post: str = ""
    thread: str = ""
    in_room: bool = False


def expects_answer(kind: ConversationKind, settings: Mapping[str, Any], message: Facts) -> Expectation:
    """Whether a customer's message expects an answer on a channel with these settings."""
    if message.automatic or not _is_addressed(kind, settings, message):
        return Expectation.NO
    if kind != ConversationKind.REVIEW and not message.files and _asks_nothing(kind, settings, message):
        return Expectation.BY_RULE
    return Expectation.YES


def is_emoji_only(text: str) -> bool:
    """Signs without a letter or digit, "❤️❤️" or "!!!", but not "?"."""
    return bool(text.strip()) and not SAYS.search(text) and not ASKS.search(text)


def is_thanks(text: str) -> bool:
    """Thanks and courtesies, nothing else."""
    return len(text) <= LONGEST_THANKS and _says_only(text, COURTEOUS, THANKING)


def is_praise(text: str) -> bool:
    """Delight in a few words, nothing else. "Lecker, aber teuer" says more."""
    return len(text) <= LONGEST_PRAISE and _says_only(text, DELIGHTED, PRAISING)


def is_friend_tag(text: str) -> bool:
    """Names of others and signs, nothing said."""
    rest, tags = MENTION.subn(" ", text)
    return tags > 0 and not SAYS.search(rest) and not ASKS.search(rest)


def _says_only(text: str, words: frozenset[str], core: frozenset[str]) -> bool:
    """Whether a text, without its mentions, is made of these words alone, with one of the core among them, and asks and counts nothing.

    The first words decide about most texts: looking at all of them is what the way in would spend most time on.
    """
    said = MENTION.sub(" ", text) if "@" in text else text
    if not said.isascii():
        said = VOWEL_SIGNS.sub("", said)
    has_core = False
    for word in WORD.finditer(said):
        plain = word[0].casefold().replace("’", "'")  # as the lists above write it
        if plain not in words:
            return False
        has_core = has_core or plain in core
    return has_core and not (ASKS.search(text) or DIGIT.search(text))


def _is_addressed(kind: ConversationKind, settings: Mapping[str, Any], message: Facts) -> bool:
    expecting = _expecting(kind, settings, in_room=message.in_room)
    help_asked = settings.get("help") or ()
    if expecting == Expecting.EVERY or message.post in help_asked or message.thread in help_asked:
        return True
    if expecting == Expecting.NOTHING:
        return False
    return message.answers_us or message.mentions_us or (expecting == Expecting.ROOTS and message.is_root)


def _expecting(kind: ConversationKind, settings: Mapping[str, Any], *, in_room: bool) -> Expecting:
    """What the channel says; the default where it says nothing or something that nobody knows."""
    default = Expecting.ADDRESSED if in_room else DEFAULTS[kind]
    said = settings.get("rooms" if in_room else kind.value)
    return EXPECTING.get(said, default) if isinstance(said, str) else default


def _asks_nothing(kind: ConversationKind, settings: Mapping[str, Any], message: Facts) -> bool:
    rules = settings.get("not_needed", RULES)
    if "emoji" in rules and is_emoji_only(message.text):
        return True
    if "thanks" in rules and is_thanks(message.text):
        return True
    if kind != ConversationKind.COMMENTS:  # who praises us in private speaks to us
        return False
    if "praise" in rules and is_praise(message.text):
        return True
    return "friend_tag" in rules and not message.mentions_us and is_friend_tag(message.text)
