"""Where the bot may not speak or send, and threads that are opened for a wish."""

from __future__ import annotations

from core.ports import Obstacle
from core.texts.spelling import shortened

OBSTACLES = {
    Obstacle.NOT_MEMBER: (
        "I am not a member there, so I could not post the clip. Invite me and ask again, or ask me in a direct message."
    ),
    Obstacle.NO_RIGHT_TO_POST: (
        "I may not write there. Ask an admin to let me send messages, or ask me in a direct message."
    ),
    Obstacle.NO_RIGHT_TO_SEND_VIDEO: "I may not send videos here. Ask an admin to give me the right to send files.",
    Obstacle.BLOCKED: "You have blocked me, so I could not bring you the clip. Unblock me, then ask again.",
}


def summoned_here(name: str, text: str) -> str:
    """The first line of a thread that is opened for a wish without a message of its own."""
    wish = shortened(text, 1_000)
    return f"{name} asked for a video: {wish}" if wish else f"{name} asked for a video."


def summoned_elsewhere(obstacle: Obstacle, text: str) -> str:
    """The first line of a thread with the person alone, because their own place takes nothing from us."""
    reason = {
        Obstacle.NOT_MEMBER: "I am not a member where you asked; invite me there with /invite",
        Obstacle.NO_RIGHT_TO_POST: "I may not write where you asked; an admin there can allow it",
    }[obstacle]
    wish = shortened(text, 1_000)
    about = f"Your wish: {wish}" if wish else "Your video:"
    return f"{about}\n{reason}. Until then we can go on right here, and the clip comes here too."


ON_IT = "On it. If I cannot post here, you will hear from me in our direct messages."
"""Answered at once to a command that has no message of its own."""
