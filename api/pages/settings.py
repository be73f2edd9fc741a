"""Settings of a workspace, one module for each page."""

from fastapi import APIRouter

router = APIRouter()
