"""Events as the Events API wraps them."""

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulators.slack_state import ServerState


def event_ts() -> str:
    """A time as events have it."""
    return f"{time.time():.6f}"


def wrapped(
    state: "ServerState", event: dict[str, Any], *, event_id: str | None = None, shared: bool = False
) -> dict[str, Any]:
    """The event_callback around an event.

    event_id: the same for repetitions; a new one unless given
    shared: whether it happened in a channel shared with another workspace
    """
    return {
        "token": "verification-token-nobody-should-use",
        "team_id": state.team.id,
        "context_team_id": state.team.id,
        "context_enterprise_id": None,
        "api_app_id": state.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id or state.new_id("Ev"),
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": state.team.id,
                "user_id": state.bot.id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": shared,
        "event_context": f"4-{state.app_id}",
    }


def interaction(state: "ServerState", kind: str, user: dict[str, Any]) -> dict[str, Any]:
    """What every interaction says, whatever it is about."""
    return {
        "type": kind,
        "user": user,
        "api_app_id": state.app_id,
        "token": "verification-token-nobody-should-use",
        "team": {"id": state.team.id, "domain": state.team.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }
