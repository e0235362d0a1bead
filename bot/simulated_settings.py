"""The settings of a simulation: those of the program, without whatever belongs to the running one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.settings import Settings


def of_simulation(settings: Settings, folder: Path, *, paid: bool) -> Settings:
    """The settings with everything that belongs to the running program taken out: its rows, its people, its limits and
    whoever is told. `folder` is for what is thrown away; not `paid`: with the storyboard, which costs nothing."""
    own: dict[str, Any] = {
        "database_url": SecretStr(f"sqlite:///{folder / 'simulation.db'}"),
        "media_url": settings.media,
        "data_dir": folder,
        "webhook_url": None,
        "approval_above_usd": None,
        "review_before_post": False,
        "cost_shown": "all",
        **{
            name: None
            for name in Settings.model_fields
            if name.startswith("limit_") and name.endswith(("usd", "orders"))
        },
    }
    if not paid:
        own |= {
            "video_provider": "animatic",
            "google_cloud_project": "",
            "allowed_models": (),
            "allowed_tiers": (),
            "max_clip_s": None,
            "max_clip_usd": None,
        }
    return settings.model_copy(update=own)
