"""How long customers wait: the dashboard, the waits behind every number, posts, and files. Nothing here loads numpy at start-up."""

from fastapi import APIRouter

from api.pages.metrics import files, lists, overview, schedules

router = APIRouter(prefix="/w/{workspace_id}")
for part in (overview, lists, files, schedules):
    router.include_router(part.router)
