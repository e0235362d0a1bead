"""Joining clips, with a title."""

from __future__ import annotations

from collections.abc import Sequence

from core.editing import FADE_S, MAX_TITLE, TITLE_S, EditPlan, Part
from core.messages import short_id
from core.texts.spelling import listed, shortened, spell_seconds

SHORT_TITLE = 24
"""Characters of a title on a button."""


def wish(parts: Sequence[Part]) -> str:
    """What a joined clip is called that has no title: "v1, v2 and v3 joined"."""
    return f"{listed([short_id(part.generation) for part in parts])} joined"


def lines(edit: EditPlan) -> list[str]:
    """The card's lines about the clips, in order, and the title."""
    named = [
        " · ".join(one for one in (short_id(part.generation), shortened(part.name, 60), _length(part)) if one)
        for part in edit.parts
    ]
    numbered = [f"{number}. {line}" for number, line in enumerate(named, 1)]
    return [f"Title: “{shortened(edit.title)}”, {TITLE_S:g} s", *numbered] if edit.title else numbered


def _length(part: Part) -> str:
    return f"{part.facts.duration_s:.0f} s"


JOINED_HERE = "I put your clips together as they are; nothing is filmed anew."


def done(edit: EditPlan) -> str:
    """What is done, in the place of a prompt."""
    clips = ", then ".join(short_id(part.generation) for part in edit.parts)
    if not edit.title:
        return f"{clips}."
    return f"The title “{edit.title}” for {TITLE_S:g} s, fading within {FADE_S:g} s into {clips}."


def which(finished: Sequence[int]) -> str:
    """Nobody can tell which clips are meant; `finished` are those there are, newest first."""
    if len(finished) < 2:
        return NOTHING_TO_JOIN
    return f"Which clips shall I join? Say it like “join {short_id(finished[1])} and {short_id(finished[0])}”."


NOTHING_TO_JOIN = (
    "I can join clips once there are two of them in this conversation. Tell me what you would like to see first."
)


def one_only(number: int) -> str:
    """There is nothing to join it with."""
    return (
        f"One clip alone needs no joining. Tell me which others come before or after {short_id(number)}, like “join "
        f"{short_id(number)} and v…”."
    )


def unknown(number: int) -> str:
    """There is no such clip here, or it is somebody else's of another place."""
    return f"I find no {short_id(number)} among the clips here. Say “my videos” to see which there are."


def unfinished(number: int) -> str:
    """Its clip is not there yet."""
    return f"{short_id(number)} is not finished yet. Say it again once it is here; nothing was joined."


def no_clip(number: int) -> str:
    """It ended without a clip that was delivered."""
    return f"{short_id(number)} has no finished clip, so I cannot join it. Name another one."


def gone(number: int) -> str:
    """Its file was deleted."""
    return f"I do not keep the file of {short_id(number)} any more. Name another one, or make it anew."


def too_many(count: int, most: int) -> str:
    """More clips than go into one."""
    return f"I can join up to {most} clips at once, and these are {count}. Join some of them first, then the results."


def too_long(seconds: float, longest: int) -> str:
    """Together they are too long."""
    return (
        f"Together these clips last {spell_seconds(seconds)}, and I can make {spell_seconds(longest)} at most. Leave "
        "some of them out."
    )


def only_these(name: str) -> str:
    """Somebody wants to change in a joined clip what is inside its parts."""
    return (
        f"{name} is made of finished clips, so I can change its title, shape, size and sound, or which clips it has, "
        "like “add v…”. For anything else, change one of the clips first and join them again."
    )


OWN_SOUND = "I can leave their sound as it is, or leave it out; I cannot add other sound yet."
NOT_HERE = "I cannot join clips here. My operator can switch it on."
PART_GONE = "one of its clips is not kept any more. Join the others, or make that one anew."


def title_too_long(length: int) -> str:
    """The title does not fit."""
    return f"A title has room for {MAX_TITLE} characters, and yours has {length}. Which one shall I take?"


CUT_TITLE = f"The title was longer than the {MAX_TITLE} characters there is room for, so I cut it."


def unwritable_title(scripts: Sequence[str]) -> str:
    """No font here has these scripts."""
    return f"I have no letters for {listed(scripts)} here, so I cannot draw this title. Which one shall I take?"


def left_title_out(scripts: Sequence[str]) -> str:
    """The title was left out without asking."""
    return f"I have no letters for {listed(scripts)} here, so I left the title out."


SIGNS_ONLY = "A title needs some letters or digits. Which one shall I take?"
SIGNS_LEFT_OUT = "A title needs some letters or digits, so I left it out."


def title_button(title: str) -> str:
    """The title that would be taken instead."""
    return f"“{shortened(title, SHORT_TITLE)}”" if title else "No title"
