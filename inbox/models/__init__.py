"""Every table, one module for each room."""

from inbox.models.assistant import Template
from inbox.models.channels import Channel, ChannelAccess, ChannelState, ChannelVoice, DeadLetter, DeferredChange, Inbound
from inbox.models.conversations import (
    Attachment,
    Contact,
    Conversation,
    ConversationLabel,
    Delivery,
    Direction,
    Draft,
    Identity,
    Label,
    Message,
    Note,
    Post,
    Priority,
    Reaction,
    Reading,
    Status,
    Thread,
)
from inbox.models.log import LogEvent
from inbox.models.moderation import Moderation, ModerationState
from inbox.models.privacy import Erasure
from inbox.models.promptness import Calendar, CalendarVersion, Metric, Outcome, Policy, Wait
from inbox.models.reports import ReportSchedule, Rhythm
from inbox.models.team import (
    Account,
    AccountSession,
    ApiToken,
    Installation,
    Invitation,
    Member,
    Presence,
    Role,
    Team,
    TeamMember,
    Throttle,
    Workspace,
)
from inbox.models.upkeep import ChannelGap, ChannelHour, PassedOver, Reconciliation
from inbox.models.widget import Mailing, Visitor, VisitorMail, VisitorPresence, VisitorToken

__all__ = [
    "Account", "AccountSession", "ApiToken", "Attachment", "Calendar", "CalendarVersion", "Channel", "ChannelAccess", "ChannelGap",
    "ChannelHour", "ChannelState", "ChannelVoice", "Contact", "Conversation", "ConversationLabel", "DeadLetter", "DeferredChange",
    "Delivery", "Direction", "Draft", "Erasure", "Identity", "Inbound", "Installation", "Invitation", "Label", "LogEvent", "Mailing",
    "Member", "Message", "Metric", "Moderation", "ModerationState", "Note", "Outcome", "PassedOver", "Policy", "Post", "Presence",
    "Priority", "Reaction", "Reading", "Reconciliation", "ReportSchedule", "Rhythm", "Role", "Status", "Team",
    "TeamMember", "Template", "Thread", "Throttle", "Visitor", "VisitorMail", "VisitorPresence", "VisitorToken", "Wait", "Workspace",
]  # fmt: skip
