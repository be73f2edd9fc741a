"""Languages by their codes: BCP 47's primary subtags, in lower case. "": nobody knows."""

# ISO 639-1 without what nobody writes to a team in, and languages that have only a longer code.
KNOWN = frozenset(
    """
    af am ar as az ba be bg bn bo br bs ca ce co cs cv cy da de dv el en eo es et eu fa fi fo fr fy ga gd gl gn gu ha he hi hr ht hu hy
    id ig is it ja jv ka kk kl km kn ko ku ky la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl no ny oc om or pa pl ps pt qu rm ro ru
    rw sa sc sd si sk sl sm sn so sq sr st su sv sw ta te tg th ti tk tl tn to tr ts tt ug uk ur uz vi wo xh yi yo zh zu ast ceb ckb gsw
    haw hmn hsb nds scn szl yue
    """.split()  # noqa: SIM905  # as people read it
)
SAME = {"fil": "tl", "in": "id", "iw": "he", "ji": "yi", "jw": "jv", "nb": "no", "nn": "no", "cmn": "zh"}  # former and narrower codes
UNKNOWN = "und"  # what is asked for where the language is not known (BCP 47: undetermined)
LONGEST_TAG = 35  # characters: what BCP 47 asks programs to take


def stored(asked: str) -> str:
    """How conversations have a language that is asked for."""
    return "" if asked == UNKNOWN else asked


def primary(tag: object) -> str:
    """The language that a tag names ("de-AT", "pt_BR"); "" of one that is none, or none that is known here."""
    if not isinstance(tag, str) or len(tag) > LONGEST_TAG:
        return ""
    code = tag.replace("_", "-").partition("-")[0].strip().lower()
    code = SAME.get(code, code)
    return code if code in KNOWN else ""
