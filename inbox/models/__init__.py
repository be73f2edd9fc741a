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
    Reaction,
    Reading,
    Status,
    Thread,
)
from inbox.models.log import LogEvent
from inbox.models.promptness import Metric, Outcome, Wait
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

__all__ = [
    "Account", "AccountSession", "ApiToken", "Attachment", "Channel", "ChannelAccess", "ChannelState", "ChannelVoice", "Contact",
    "Conversation", "ConversationLabel", "DeadLetter", "DeferredChange", "Delivery", "Direction", "Draft", "Identity", "Inbound",
    "Installation", "Invitation", "Label", "LogEvent", "Member", "Message", "Metric", "Note", "Outcome", "Post", "Presence", "Reaction",
    "Reading", "Role", "Status", "Team", "TeamMember", "Template", "Thread", "Throttle", "Wait", "Workspace",
]  # fmt: skip
