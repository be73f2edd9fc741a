"""What messages about alerts say: a subject, some lines and a link, in the recipient's language. Nothing of what was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from inbox.models import AlertKind, Trouble, TroubleKind
from inbox.promptness.notices import Told
from web.i18n import Language, language

MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Words:
    """One message."""

    subject: str
    lines: Sequence[str]
    link: str
    urgent: bool = False

    @property
    def text(self) -> str:
        return "\n".join([*self.lines, "", self.link, ""])


def of_alerts(alerts: Sequence[Told], locale: str, zone: ZoneInfo, base: str, now: datetime) -> Words:
    """About one customer, or many: "214 at risk, the oldest for 11 min". `base`: the workspace's address."""
    say = language(locale)
    newest = list({alert.subject: alert for alert in sorted(alerts, key=_order)}.values())
    lines = [line(alert, say, zone, now) for alert in newest]
    urgent = any(alert.kind is not AlertKind.WARNING for alert in newest)
    if len(newest) == 1:
        return Words(lines[0], lines, f"{base}/conversations/{newest[0].conversation_id}", urgent)
    oldest = say.duration(now - min(alert.opened_at for alert in newest))
    subject = say.gettext("{n} customers wait too long or soon will, the oldest for {time}").format(n=len(newest), time=oldest)
    rest = len(newest) - MOST_LINES
    shown = [*lines[:MOST_LINES], *([say.gettext("and {n} more").format(n=rest)] if rest > 0 else [])]
    return Words(subject, shown, f"{base}/alerts", urgent)


def line(alert: Told, say: Language, zone: ZoneInfo, now: datetime) -> str:
    """One alert as a sentence."""
    left = say.duration(abs(alert.due_at - now))
    due, was_due, overdue = _of_answers(say) if alert.about == "answer" else _of_resolutions(say)
    # Late: Parley was not running then, or the message reached it late.
    text = due if alert.due_at > now else was_due if alert.late else overdue
    return text.format(who=alert.who or say.gettext("Somebody"), time=left, at=say.short(alert.due_at, zone))


def _of_answers(say: Language) -> tuple[str, str, str]:
    return (
        say.gettext("{who} waits: the answer is due in {time}"),
        say.gettext("{who} waits: the answer was due at {at}, and Parley could tell it only now"),
        say.gettext("{who} waits: the answer is overdue for {time}"),
    )


def _of_resolutions(say: Language) -> tuple[str, str, str]:
    return (
        say.gettext("{who}: the resolution is due in {time}"),
        say.gettext("{who}: the resolution was due at {at}, and Parley could tell it only now"),
        say.gettext("{who}: the resolution is overdue for {time}"),
    )


def of_troubles(troubles: Sequence[Trouble], locale: str, base: str) -> Words:
    """About Parley itself."""
    say = language(locale)
    lines = [trouble(one, say) for one in troubles]
    subject = lines[0] if len(lines) == 1 else say.gettext("Parley itself needs you: {n} things are wrong").format(n=len(lines))
    return Words(subject, lines, f"{base}/settings/alerts", urgent=True)


def trouble(one: Trouble, say: Language) -> str:
    """What is wrong, as a sentence."""
    sentences = {
        TroubleKind.SILENT: say.gettext("Nothing has come by the channel {detail} for unusually long."),
        TroubleKind.BROKEN: say.gettext("The channel {detail} has stopped: connect it again."),
        TroubleKind.TOKEN: say.gettext("The platform will soon refuse the credentials of the channel {detail}."),
        TroubleKind.BACKUP: say.gettext("The newest backup is {detail} days old.")
        if one.detail
        else say.gettext("No backup has ever been made: parley backup makes one."),
        TroubleKind.DISK: say.gettext("The disk is almost full: {detail} is free."),
        TroubleKind.DELIVERY: say.gettext("Alerts cannot be delivered by {subject}: {detail}"),
    }
    return sentences[one.kind].format(
        detail=say.sentence(one.detail) if one.kind is TroubleKind.DELIVERY else one.detail, subject=one.subject
    )


def of_test(locale: str, base: str) -> Words:
    """What a test says."""
    text = language(locale).gettext("This is a test: alerts reach you this way.")
    return Words(text, [text], f"{base}/alerts")


def _order(alert: Told) -> tuple[datetime, int]:
    return alert.due_at, alert.id
