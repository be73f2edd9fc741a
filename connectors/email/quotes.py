"""What somebody wrote now, apart from what their mail program repeated below it."""

import re
from dataclasses import dataclass

# "… wrote:" as mail programs put it above a quotation, in the languages that they speak.
WROTE = re.compile(
    r"wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|heeft .* geschreven|napisał|pisze|skrev|kirjoitti|napsal|napísal|írta"
    r"|a scris|yazdı|пишет|написал|пише|написав|έγραψε|書きました|のメール|写道|寫道|작성|كتب|כתב|đã viết|menulis|je napisao"
    r"|је написао|је написала",
    re.IGNORECASE,
)
ADDRESS_AND_COLON = re.compile(r"<[^<>\s]+@[^<>\s]+>\s*[:：]$")
ORIGINAL = re.compile(
    r"^[\s*|]*[-_—]{2,}\s*(original message|original appointment|ursprüngliche nachricht|original-nachricht|originalnachricht"
    r"|message d.origine|mensaje original|messaggio originale|mensagem original|oorspronkelijk bericht"
    r"|oprindelig meddelelse|ursprungligt meddelande"
    r"|opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|původní zpráva|pôvodná správa|eredeti üzenet|mesaj original"
    r"|исходное сообщение|пересылаемое сообщение|оригінальне повідомлення|orijinal mesaj|αρχικό μήνυμα"
    r"|原始邮件|原始郵件|元のメッセージ|원본 메시지)"
    r"\s*[-_—]{2,}",
    re.IGNORECASE,
)
FORWARDED = re.compile(
    r"^[\s*|]*(begin forwarded message:|anfang der weitergeleiteten nachricht:|début du message transféré|[-_—]{2,}\s*(forwarded message"
    r"|weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato|mensagem encaminhada|doorgestuurd bericht"
    r"|vidarebefordrat meddelande|転送メッセージ|转发邮件))",
    re.IGNORECASE,
)
SENDER_FIELD = re.compile(
    r"^[^\w>]*(from|von|de|da|van|od|från|fra|lähettäjä|feladó|kimden|από|от|від|发件人|寄件者|差出人|보낸 사람)\s*\*?\s*[:：]",
    re.IGNORECASE,
)
OTHER_FIELD = re.compile(
    r"^[^\w>]*(sent|date|to|cc|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|fecha|data|para|asunto|assunto|inviato|a|oggetto"
    r"|verzonden|aan|onderwerp|wysłano|do|temat|skickat|till|ämne|sendt|til|emne|lähetetty|vastaanottaja|aihe|odesláno|komu|předmět"
    r"|elküldve|címzett|tárgy|gönderildi|tarih|kime|konu|отправлено|дата|кому|тема|надіслано|发送时间|收件人|主题|寄件日期|收件者|主旨"
    r"|送信日時|宛先|件名|보낸 날짜|받는 사람|제목)\s*\*?\s*[:：]",
    re.IGNORECASE,
)
RULER = re.compile(r"^\s*[_—]{8,}\s*$")
SENT_FROM_DEVICE = re.compile(
    r"^(sent from my |sent from outlook|get outlook for |von meinem .{1,40} gesendet|gesendet von |gesendet mit "
    r"|envoyé de mon |enviado desde mi |enviado do meu |inviato da |verstuurd vanaf |skickat från |sendt fra |wysłane z |отправлено с )",
    re.IGNORECASE,
)
LONGEST_ATTRIBUTION = 3  # lines


@dataclass(frozen=True, slots=True)
class _Cut:
    """The lines from `start` up to `end` repeat an earlier message."""

    start: int
    end: int


def fold(words: str, *, forwarded: bool = False) -> tuple[str, str]:
    """Split a message into (what is new, what is quoted or signature); no line is lost, and something always stays visible.

    Answers written between the quoted lines keep the whole conversation visible. `forwarded`: what follows is the very matter.
    """
    lines = words.split("\n")
    cut = None if forwarded else _quotation(lines)
    visible = lines if cut is None else lines[: cut.start] + lines[cut.end :]
    quoted = [] if cut is None else lines[cut.start : cut.end]
    signature = None if forwarded else _signature(visible)
    if signature is not None:
        quoted = [*visible[signature:], *([""] if quoted else []), *quoted]
        visible = visible[:signature]
    if not any(line.strip() for line in visible):
        return words.strip("\n"), ""
    return "\n".join(visible).strip("\n"), "\n".join(quoted).strip("\n")


def _quotation(lines: list[str]) -> _Cut | None:
    for index, line in enumerate(lines):
        if FORWARDED.match(line):
            return None
        if ORIGINAL.match(line) or _header_block(lines, index):
            start = index - 1 if index and RULER.match(lines[index - 1]) else index
            return _Cut(start, len(lines))
        length = _attribution(lines, index)
        if length:
            return _below_attribution(lines, index, index + length)
    return _trailing(lines)


def _header_block(lines: list[str], index: int) -> bool:
    """Outlook repeats a message below its From, Sent, To and Subject, with no mark on the lines."""
    if not SENDER_FIELD.match(lines[index]):
        return False
    following = [line for line in lines[index + 1 : index + 7] if line.strip()][:4]
    return sum(bool(OTHER_FIELD.match(line)) for line in following) >= 2


def _attribution(lines: list[str], index: int) -> int:
    """How many lines "On … wrote:" takes from here on; 0 when there is none."""
    if not lines[index].strip() or lines[index].startswith(">"):
        return 0
    for length in range(1, LONGEST_ATTRIBUTION + 1):
        part = lines[index : index + length]
        if len(part) < length or not part[-1].strip() or part[-1].startswith(">"):
            return 0
        joined = " ".join(line.strip() for line in part)
        if joined.endswith((":", "：")):
            return length if _introduces(joined) else 0
    return 0


def _introduces(joined: str) -> bool:
    dated = any(letter.isdigit() for letter in joined) or "@" in joined
    return len(joined) <= 300 and dated and bool(WROTE.search(joined) or ADDRESS_AND_COLON.search(joined))


def _below_attribution(lines: list[str], start: int, after: int) -> _Cut | None:
    blocks = _marked_blocks(lines, after)
    if not blocks:
        return _Cut(start, len(lines))  # quoted without marks, down to the end
    first_start, first_end = blocks[0]
    if any(line.strip() for line in lines[after:first_start]):
        return None
    if len(blocks) > 1:
        return None  # answers between the lines
    return _Cut(start, first_end)


def _trailing(lines: list[str]) -> _Cut | None:
    """Marked lines at the very end, with no introduction."""
    blocks = _marked_blocks(lines, 0)
    if len(blocks) != 1 or any(line.strip() for line in lines[blocks[0][1] :]):
        return None
    return _Cut(*blocks[0])


def _marked_blocks(lines: list[str], start: int) -> list[tuple[int, int]]:
    """Runs of lines that begin with ">", empty lines inside included."""
    blocks: list[tuple[int, int]] = []
    for index in range(start, len(lines)):
        if not lines[index].startswith(">"):
            continue
        if blocks and not any(line.strip() for line in lines[blocks[-1][1] : index]):
            blocks[-1] = (blocks[-1][0], index + 1)
        else:
            blocks.append((index, index + 1))
    return blocks


def _signature(lines: list[str]) -> int | None:
    """Where the signature begins: "-- " on a line of its own, or the line that a telephone adds."""
    for index, line in enumerate(lines):
        if line in {"-- ", "--"} and index:
            return index
    last = next((index for index in range(len(lines) - 1, -1, -1) if lines[index].strip()), None)
    if last and SENT_FROM_DEVICE.match(lines[last].strip()) and len(lines[last]) < 80:
        return last
    return None
