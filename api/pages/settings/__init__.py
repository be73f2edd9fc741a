"""Settings of a workspace, one module for each page. A role sees only what it may change."""

from fastapi import APIRouter, Response

from api.deps import AccessDep
from api.pages import forms
from api.pages.settings import (
    alerts,
    channel,
    channels,
    hours,
    hours_sources,
    labels,
    members,
    notifications,
    policies,
    profile,
    teams,
    templates,
    tokens,
    upkeep,
    workspace,
)
from inbox.models import Role

router = APIRouter()
for module in (
    profile, notifications, templates, labels, teams, hours, hours_sources, policies, alerts, channels, channel, upkeep, members, tokens,
    workspace,
):  # fmt: skip
    router.include_router(module.router)


@router.get("/w/{workspace_id}/settings")
async def settings(access: AccessDep) -> Response:
    """The first page that this role may change."""
    first = {Role.ADMIN: "channels", Role.SUPERVISOR: "templates", Role.AGENT: "profile"}.get(access.role)
    return forms.go(f"/w/{access.workspace_id}/settings/{first}" if first else f"/account?workspace={access.workspace_id}")
