"""Everything else that is said in a conversation."""

from __future__ import annotations

from datetime import datetime

from core.generation import Generation, GenerationStatus
from core.texts.spelling import called, shortened

COMMANDS = {
    "video": "Make a video: /video a red fox in the snow",
    "status": "How is it going?",
    "videos": "My latest videos",
    "cancel": "Stop what is under way",
    "new": "Begin another conversation",
    "chats": "Switch between conversations",
    "usage": "What you have spent, and what is left",
    "receipt": "What a video cost: /receipt v12",
    "help": "What I can do",
}
"""The commands every platform offers, with what they do (Telegram shows these in its menu)."""


HELLO = (
    "Hi! Tell me what you would like to see and I make a video of it, for instance “a red fox trotting through "
    "fresh snow at sunrise, 8 seconds”. You always see the price first; nothing is ordered before you tap."
)
HELP = (
    "Tell me your idea in a sentence; I ask for what is missing, show a card with the price, and bring the clip here.\n"
    "• Change anything in your own words: “longer”, “upright”, “at night”, “no sound”.\n"
    "• Say “now” and I skip the questions.\n"
    "• Send a picture with a sentence and the clip begins with it.\n"
    "• Reply to a finished clip to vary it.\n"
    "• Join clips, for free: “join v1, v2 and v3 with the title Winter in Tyrol”.\n"
    "• Say “status”, “my videos” or “cancel” at any time."
)
CHAT = "Any time! Tell me in a sentence what you would like to see next, or say “help”."
UNSAFE = "I cannot make that one. Tell me another idea and I gladly will."
NOT_UNDERSTOOD = "I make videos. Tell me in a sentence what you would like to see, or say “help”."
ONLY_TEXT = "I can work with text and pictures here: send a sentence, or a picture with one."
TOO_BIG_TO_FETCH = "That file is larger than I may fetch here ({limit}). Send a smaller one."
FETCH_FAILED = "I could not fetch your file. Please send it again."
FETCH_REFUSED = (
    "I cannot get at that file, and sending it again will not help. Your words alone are enough for a video; my "
    "operator can see to it that I may read files."
)
NO_PICTURE = "I cannot read that file as a picture. Save it as a JPEG, PNG or WebP and send it again."
TOO_MANY_PIXELS = "That picture is larger than the {most} million pixels I take. Send a smaller copy."
MEDIA_KEPT = (
    "Thank you, I keep it. For now I can begin a clip with a JPEG, PNG or WebP picture; tell me what should happen."
)
SIMPLER = "(My language model is not answering, so I read you word by word for now. You still get your video.)"
ALREADY_UNDER_WAY = "{id} is ordered already, so I left it as it was. Reply to the clip to change it."
SETTINGS_LATER = "Tell me with the wish how you want it: “upright”, “6 seconds”, “best quality”."
NEW_IN_THREAD = "Here everything belongs together. For another conversation, open another topic or thread."
NEW_CONVERSATION = "A fresh start. What would you like to see?"
SWITCHED = "Back to “{title}”."
CHATS_HEADING = "Your conversations here; tap one to go on with it."
UNTITLED = "Nothing yet"
NO_CHATS = "There is just this one conversation so far."
NOTHING_RUNNING = "Nothing is under way. Tell me what you would like to see."
NO_VIDEOS = "No videos yet. Tell me what you would like to see."
GIVEN_UP = "I could not deal with your message. Please say it again in other words."
NO_MODEL = "No video service set up here can work with that. Try it without the picture, or ask my operator."
RATED_GOOD = "Glad you like it!"
RATED_BAD = "Thank you for telling me. Say in the thread what should be different about {id}, and I will quote it."
STRANGER_PLACE = (
    "I may not work in this channel. My operator can add it ({channel}); in a direct message I gladly will."
)
NOT_YET = "I cannot do that yet. Tell me what you would like to see, or say “help”."
SLOW_TODAY = "I have it, but my database is slow right now. No need to say it again."
STRANGER = "I only work for people my operator has let in. Ask them to add your id: {id}"


def away(since: datetime, until: datetime) -> str:
    """After an outage, to those with something open."""
    shape = "%H:%M" if since.date() == until.date() else "%d %b %H:%M"
    return (
        f"I was away from {since:{shape}} to {until:{shape}} UTC and go on now with what is open here; if I leave "
        "something unanswered that you wrote meanwhile, please say it again."
    )


def suggestion(name: str, text: str) -> str:
    """Somebody else in the thread proposes a change."""
    return f"{shortened(name, 60)} suggests: {shortened(text, 1_000)}"


def open_line(generation: Generation) -> str:
    """A line of the status list for something that is not ordered yet."""
    if generation.status is GenerationStatus.PENDING_APPROVAL:
        return f"{generation.name} · waits for an approval"
    waits = "waits for your answer" if generation.question else "waits for your tap"
    return f"{generation.name} · {waits}"


def list_line(generation: Generation) -> str:
    """A line of the list of videos."""
    title = generation.summary or called(generation)[:60]
    seconds = f"{generation.clip.facts.duration_s:.0f} s" if generation.clip else ""
    return " · ".join(part for part in (generation.name, title, seconds) if part)
