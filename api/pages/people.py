"""Pages about people: signing in, the first run, invitations and one's own account."""

from fastapi import APIRouter

from api.pages import account, first_run, invitations, sign_in

router = APIRouter()
for module in (sign_in, first_run, invitations, account):
    router.include_router(module.router)
