"""Every fixed sentence that Reelbot says to a person. Short, warm, concrete, honest about money and time; an error
says what to do next.

Constants hold the names that are filled in where they are said; who is told what, and when, is decided elsewhere.
Amounts pass through `core.money.dollars`; times through `spell_seconds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from core.generation import Generation, GenerationStatus, Plan
from core.inspection import Flaw
from core.limits import Budget, Cap, Left
from core.money import EntryKind, LedgerEntry, dollars
from core.ports import Obstacle
from core.request import Tier

if TYPE_CHECKING:
    from core.spending import Usage

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

# --- buttons ---------------------------------------------------------------------------------------------------------

YOU_DECIDE = "You decide"
CHANGE = "Change…"
SHOW_PROMPT = "Show prompt"
CANCEL = "Cancel"
NO_SOUND = "No sound"
NEW_PRICE = "New price"
ANOTHER_TAKE = "Another take"
CHANGE_SOMETHING = "Change something"
LONGER = "Longer"
DETAILS = "Details"
ORIGINAL_FILE = "Original file"
DELETE = "Delete"
DELETE_FOR_GOOD = "Yes, delete it"
KEEP = "Keep it"
RETRY = "Retry"
CHANGE_IT = "Change"
ORDER_AGAIN = "Order again"
DROP_IT = "Drop it"
KEEP_WAITING = "Keep waiting"
USE_IT = "Use it"
KEEP_MINE = "Keep mine"
TRY_AGAIN_HERE = "Post it here now"
GOOD = "Good"
NOT_GOOD = "Not good"


def make_it(plan: Plan) -> str:
    """The card's main button: "Make it · $0.56"."""
    return f"Make it · {dollars(plan.quote.amount)}" if plan.amounts_shown else "Make it"


def quick_draft(plan: Plan) -> str:
    """The card's cheaper button."""
    return f"Quick draft · {dollars(plan.draft_price or 0)}" if plan.amounts_shown else "Quick draft"


def use_rewrite(place: int) -> str:
    """The button for the first (0) or second (1) idea after a refusal."""
    return f"Take idea {place + 1}"


# --- small words -----------------------------------------------------------------------------------------------------


def spell_seconds(seconds: float) -> str:
    """A length of time for people: "8 s", "40 s", "2 min", "1 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def spell_expected(expected_s: tuple[float, float]) -> str:
    """ "about 40 s, at most 2 min as a rule"."""
    median, high = expected_s
    if spell_seconds(median) == spell_seconds(high):
        return f"about {spell_seconds(median)}"
    return f"about {spell_seconds(median)}, sometimes {spell_seconds(high)}"


def spell_size(size: int) -> str:
    """Bytes for people: "820 kB", "12.4 MB"."""
    if size < 1_000_000:
        return f"{max(1, round(size / 1000))} kB"
    return f"{size / 1_000_000:.1f} MB"


def shortened(text: str, most: int = 160) -> str:
    """The text on one line of at most so many characters, so that a card never loses its price to a long wish."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


SHAPES = {"16:9": "wide", "9:16": "upright", "1:1": "square"}
TIERS = {Tier.DRAFT: "draft", Tier.STANDARD: "standard", Tier.BEST: "best"}
SLOT_NAMES = {
    "duration_s": "length",
    "aspect": "shape",
    "resolution": "size",
    "tier": "quality",
    "audio": "sound",
    "style": "style",
    "subject": "what is seen",
    "setting": "place",
    "camera": "camera",
    "mood": "mood",
    "words": "words on screen",
}


def shape(aspect: str) -> str:
    """An aspect as people see it: "wide 16:9"."""
    return f"{SHAPES.get(aspect, '')} {aspect}".strip()


# --- questions -------------------------------------------------------------------------------------------------------

QUESTIONS = {
    "idea": "What should the video show? One sentence is enough.",
    "setting": "Where does it take place?",
    "style": "Which look do you have in mind?",
    "change": "What should be different? Tell me in your own words.",
}
"""How to ask for a slot when the dialogue model has no wording in the person's language."""

SETTINGS_OFFERED = (
    ("In nature", "in nature, daylight"),
    ("In a city", "in a busy city street"),
    ("At home", "at home"),
)
STYLES_OFFERED = (
    ("Like a film", "cinematic, photorealistic"),
    ("Animated", "3D animation"),
    ("Drawn", "hand-drawn"),
)
"""Label and slot value of the buttons under a question."""


def too_long(seconds: int, longest: int, name: str) -> str:
    """The length cannot be had."""
    return f"{name} makes clips of up to {longest} s, so {seconds} s will not do. Which length instead?"


def odd_length(seconds: int, name: str, lengths: Sequence[int]) -> str:
    """The length lies between two that can be had, or is too short."""
    if len(lengths) == 1:
        return f"{name} makes this in {lengths[0]} s only; {seconds} s is not among them. Shall it be {lengths[0]} s?"
    known = ", ".join(str(length) for length in lengths[:-1])
    return f"{name} makes clips of {known} or {lengths[-1]} s; {seconds} s is not among them. Which one?"


def no_such_shape(aspect: str, name: str) -> str:
    """The aspect cannot be had."""
    return f"{name} cannot make {shape(aspect)} clips. Which shape instead?"


def no_such_resolution(resolution: str, name: str) -> str:
    """The resolution cannot be had."""
    return f"{name} cannot make {resolution} clips. Which size instead?"


def took_instead(asked: str, got: str, name: str) -> str:
    """The nearest was taken without asking."""
    return f"{name} cannot do {asked}, so I took {got}."


def answered(question: str, answer: str) -> str:
    """The question with its answer, once the buttons are gone."""
    return f"{question}\n→ {answer}"


def lapsed(question: str) -> str:
    """A question that nobody answered in time."""
    return f"{question}\n(No longer open. Tell me any time what you would like.)"


def not_an_option(asked: str) -> str:
    """An answer that is none; `asked` is the question again."""
    return f"I did not get that. {asked}"


# --- the card --------------------------------------------------------------------------------------------------------


def card(
    generation: Generation, plan: Plan, *, now: datetime, budget: str, storyboard: bool, left: Left | None = None
) -> str:
    """The plan card below its heading."""
    request = generation.request
    said: list[str] = []
    for label, value in (
        ("Setting", request.setting),
        ("Style", request.style),
        ("Camera", request.camera),
        ("Mood", request.mood),
        ("Words on screen", request.words),
        ("Without", request.avoid),
    ):
        if value:
            said.append(f"{label}: {shortened(value)}")
    if request.shots:
        said.append(f"Shots: {len(request.shots)}")
    if request.first_frame:
        said.append("Begins with your picture")
    sound = "no sound" if not plan.sound else (f"sound: {shortened(request.audio)}" if request.audio else "with sound")
    lines = [
        *said,
        f"{plan.duration_s} s · {shape(plan.aspect)} · {plan.resolution} · {sound}",
        f"{plan.model_name} · {TIERS[plan.tier]} quality",
    ]
    lines += plan.notes
    assumed = [SLOT_NAMES[slot] for slot in plan.assumed if slot in SLOT_NAMES]
    if assumed:
        lines.append(f"I chose: {', '.join(assumed)}")
    held = spell_seconds((plan.quote.valid_until - now).total_seconds())
    price = dollars(plan.quote.amount)
    if not plan.amounts_shown:
        price = AMOUNTS_HIDDEN
    elif plan.quote.amount:
        price = f"{price} at most, held for you {held}"
    lines += ["", f"Price: {price}", f"Time: {spell_expected(plan.expected_s)}"]
    if budget:
        lines.append(f"Paid by: {budget}")
    if left is not None and plan.amounts_shown:
        short = "" if left.amount >= plan.quote.amount else ", which is not enough for this one"
        lines.append(f"Left of {BUDGETS[left.cap.budget]}: {amount(left.amount)}{short}")
    if storyboard:
        lines.append("This is a moving storyboard, drawn here: no video service is set up yet.")
    return "\n".join(lines)


def card_heading(generation: Generation) -> str:
    """ "v12 · A red fox in the snow"."""
    return f"{generation.name} · {shortened(generation.summary or generation.request.idea) or 'your video'}"


def card_closed(generation: Generation) -> str:
    """What remains of a card after the tap."""
    assert generation.plan is not None
    plan = generation.plan
    price = f" · {dollars(plan.quote.amount)}" if plan.amounts_shown else ""
    return f"{plan.duration_s} s · {shape(plan.aspect)} · {plan.resolution}{price}"


QUOTE_EXPIRED = "This price is no longer held. Tap New price and I will look it up again; nothing was ordered."
CARD_REPLACED = "That card has changed since. Please use the newest one."
NOT_YOURS = "Only {name} can decide about {id}. You can suggest something by replying to it."
ALREADY_ORDERED = "{id} is ordered already; this tap ordered nothing more."
NO_SUCH = "There is no {id} in this conversation. Say “status” or “my videos” to see what there is."
NOTHING_TO_CONFIRM = "There is no card open. Tell me what video you would like."
NOTHING_TO_ANSWER = "There is no question open. Tell me what video you would like."
SEVERAL_CARDS = "There is more than one card open. Please tap Make it on the one you mean."
TAP_TO_CONFIRM = "When you are happy with it, tap “{button}” on the card (or just answer yes)."
CANCELLED_CARD = "Cancelled. Nothing was ordered and nothing is charged."

# --- obstacles before the card ---------------------------------------------------------------------------------------

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

# --- the form behind "Change…" -----------------------------------------------------------------------------------

FORM_IDEA = "What is seen"
FORM_STYLE = "Look"
FORM_WORDS = "Words on screen"
FORM_LENGTH = "Length"
FORM_SHAPE = "Shape"
FORM_SIZE = "Size"
FORM_QUALITY = "Quality"
FORM_SOUND = "Sound"
FORM_SUBMIT = "New price"
FORM_CLOSE = "Leave as it is"
SOUND_FITS = "Whatever fits"
FORM_EMPTY = "Please say in a sentence what is seen."
FORM_TOO_LONG = "At most {longest} characters, please; this has {length}."
FORM_NOT_OFFERED = "This is not on offer any more. Please choose another."


def form_title(generation: Generation) -> str:
    """The title of the form; at most 24 characters."""
    return f"Change {generation.name}"


# --- the page about one person ------------------------------------------------------------------------------------

HOME_RUNNING = "Under way"
HOME_OPEN = "Waiting for you"
HOME_VIDEOS = "Your last videos"
HOME_NOTHING = "Nothing yet. Your videos will be listed here."
HOME_BEGIN = "How to begin"
HOW_TO_BEGIN = (
    "Write to me in Messages, mention me in a channel, or type /video and your idea. I ask for what is missing, show "
    "the price first, and bring the clip into the same thread."
)
GO_THERE = "Go there"
CHOOSE = "Choose…"
PROMPTS = (
    ("A short clip to try me", "Make me a video of a red fox trotting through fresh snow at sunrise, 6 seconds"),
    ("A product teaser", "An 8 second teaser for a new coffee cup, cinematic, on a wooden table in morning light"),
    ("How does it work?", "help"),
)
"""Title and message of what can be tried at once."""
PROMPTS_TITLE = "What would you like to see?"

# --- status ----------------------------------------------------------------------------------------------------------

PHASES = {
    GenerationStatus.QUEUED: "Waiting",
    GenerationStatus.SUBMITTING: "Ordering",
    GenerationStatus.PROCESSING: "Filming",
    GenerationStatus.DOWNLOADING: "Fetching and checking the clip",
    GenerationStatus.DELIVERING: "Bringing it to you",
}


def status(generation: Generation, *, now: datetime, position: int, waits_until: datetime | None) -> str:
    """The status message's line while something is under way."""
    name = generation.name
    if generation.cancel_requested:
        return f"{name} · Cancelling…"
    if generation.status is GenerationStatus.QUEUED:
        return f"{name} · In the queue, number {position}" if position else f"{name} · Getting ready"
    if waits_until is not None and generation.status is GenerationStatus.SUBMITTING:
        wait = spell_seconds((waits_until - now).total_seconds())
        return f"{name} · The video service is busy; I will try again in {wait}. Nothing is ordered twice."
    started = generation.entered.get(GenerationStatus.SUBMITTING.value, generation.updated_at)
    elapsed = spell_seconds((now - started).total_seconds())
    expected = f" of about {spell_seconds(generation.plan.expected_s[0])}" if generation.plan else ""
    return f"{name} · {PHASES[generation.status]} · {elapsed}{expected}"


def finished_line(generation: Generation) -> str:
    """What a status message shrinks to when the work is over."""
    words = {
        GenerationStatus.COMPLETED: "Done",
        GenerationStatus.CANCELLED: "Cancelled · not charged",
        GenerationStatus.FAILED: "Failed · not charged",
        GenerationStatus.REFUSED: "Refused · not charged",
        GenerationStatus.UNDELIVERABLE: (
            "Ready, on its way to you directly, because I could not post it here"
            if generation.elsewhere is not None and generation.due_at is not None
            else "Ready, but could not be posted · not charged"
        ),
        GenerationStatus.AMBIGUOUS: "No answer to the order",
    }
    return f"{generation.name} · {words.get(generation.status, generation.status.value)}"


def late(generation: Generation, *, elapsed_s: float) -> str:
    """Said once when the work takes twice the expected time."""
    expected = spell_seconds(generation.plan.expected_s[0]) if generation.plan else "usual"
    return (
        f"{generation.name} is taking longer than it should: {spell_seconds(elapsed_s)} instead of about {expected}. "
        "I keep waiting for it; you can also cancel."
    )


# --- the clip --------------------------------------------------------------------------------------------------------


def announcement(generation: Generation) -> str:
    """The line that notifies the person; it becomes the clip."""
    return f"Your clip {generation.name} is ready, uploading it now…"


def caption(generation: Generation, *, took_s: float, smaller: bool, muted: bool) -> str:
    """The words under the clip; at most 1,024 characters."""
    assert generation.plan is not None
    assert generation.clip is not None
    facts = generation.clip.facts
    title = card_heading(generation)
    size = f"{facts.width}×{facts.height}"
    released = GenerationStatus.UNDELIVERABLE.value in generation.entered and generation.elsewhere is None
    charge = "not charged" if released else dollars(generation.plan.quote.amount)
    if not generation.plan.amounts_shown:
        charge = "not charged" if released else "charged to whoever pays"
    lines = [
        title,
        f"{facts.duration_s:.0f} s · {size} · {generation.plan.model_name}",
        f"{charge} · made in {spell_seconds(took_s)}",
    ]
    if generation.elsewhere is not None:
        lines.append(f"I could not post it where you asked ({shortened(generation.reason)}), so here it is.")
    if smaller:
        lines.append("A smaller copy, because the original is too large for this chat.")
    if muted:
        lines.append("Without sound, as you asked.")
    return "\n".join(lines)


def details(generation: Generation) -> str:
    """Everything about a finished clip."""
    assert generation.plan is not None
    lines = [f"Prompt: {generation.prompt}" if generation.prompt else "No prompt was written."]
    if generation.seed is not None:
        lines.append(f"Seed: {generation.seed}")
    lines.append(f"Model: {generation.plan.model_name} ({generation.plan.model})")
    if generation.clip is not None:
        facts = generation.clip.facts
        audio = facts.audio_codec or "no sound"
        lines.append(
            f"File: {spell_size(facts.size_bytes)} {facts.container}, {facts.width}×{facts.height}, "
            f"{facts.duration_s:.2f} s, {facts.fps:g} frames/s, {facts.video_codec} / {audio}"
        )
    stages = sorted(generation.entered.items(), key=lambda item: item[1])
    for (phase, start), (_, end) in pairwise(stages):
        lines.append(f"{phase.replace('_', ' ')}: {spell_seconds((end - start).total_seconds())}")
    lines.append(f"Retries: {generation.retries}")
    return "\n".join(lines)


def prompt(generation: Generation) -> str:
    """What will be, or was, sent to the video service."""
    return f"The prompt for {generation.name}:\n\n{generation.prompt}"


def over(generation: Generation) -> str:
    """Somebody wants to cancel what has ended."""
    on_its_way = (GenerationStatus.COMPLETED, GenerationStatus.DOWNLOADING, GenerationStatus.DELIVERING)
    if generation.status in on_its_way or generation.on_its_way_elsewhere:
        return TOO_LATE_TO_CANCEL.format(id=generation.name)
    return f"{generation.name} is over already; nothing is running and nothing more is charged."


NOTHING_CHANGED = (
    "I did not get what should be different about {id}. Say it like “8 seconds”, “upright”, “at night” or “no sound”."
)
WHAT_TO_CHANGE = "What should be different about {id}? Tell me in your own words, for instance “at night”."
LONGEST_ALREADY = "{id} is as long as {name} can make it ({seconds} s). Ask for another clip that continues it."
DELETE_QUESTION = "Delete {id} for good? The message stays, the file I keep goes."


def asks_something_else(text: str) -> bool:
    """Whether the sentence asks for a yes, or a choice, that has nothing to do with a card."""
    return text == WHICH_ONE or text.endswith(DELETE_QUESTION.partition("{id}")[2])


DELETED = "I have deleted {id}. The message above stays in the chat; you or an admin can delete it there."
NOT_THERE_YET = "{id} is still on its way to you. Delete it once it is there."
GOES_ON_THERE = "Done; {id} goes on in its own thread above."
KEPT = "{id} is kept."
KEPT_AS_IS = "{id} stays as it was."
STALE_BUTTON = "That button is out of date. Tell me in words what you would like."
QUESTION_CLOSED = "That question is closed. Tell me in words what you would like."
ALREADY_DECIDED = "{id} is settled already; this tap changed nothing."
WAITING_ON = "Good, I keep waiting for {id}."
CANNOT_STOP = (
    "The video service cannot stop {id} any more, so I let it finish and bring it to you. The price stays as agreed."
)
GONE = "I do not keep the file of {id} any more. “Another take” makes a new one."
ORIGINAL_ABOVE = "The video above is the original, byte for byte ({size}); download it from there."
ORIGINAL_LINK = "The original of {id} ({size}). The link works until {until}."
ORIGINAL_KEPT = (
    "The original of {id} ({size}) is kept here, but I have no public address to send it from. Ask my operator to set "
    "PUBLIC_URL."
)

# --- how it can end --------------------------------------------------------------------------------------------------

NOT_CHARGED = "You were not charged."


def failed(generation: Generation) -> str:
    """The work ended without a clip."""
    return f"{generation.name} did not work out: {generation.reason} {NOT_CHARGED}"


def refused(generation: Generation) -> str:
    """The service will not show it; the rewrites are on the buttons below."""
    why = f" It said: “{generation.reason}”" if generation.reason else ""
    text = f"The video service declined to film {generation.name}.{why} {NOT_CHARGED}"
    if generation.rewrites:
        ideas = "\n".join(f"{number}. {idea}" for number, idea in enumerate(generation.rewrites, 1))
        text += f"\n\nThese keep your idea:\n{ideas}"
    return text


def ambiguous(generation: Generation, *, looking: bool) -> str:
    """The answer to the order was lost; `looking`: the clip may still be found at the service."""
    assert generation.plan is not None
    price = dollars(generation.plan.quote.amount) if generation.plan.amounts_shown else "what one costs"
    hope = (
        " I keep looking for it there for a quarter of an hour and bring it when it turns up, so it is worth waiting."
        if looking
        else ""
    )
    return (
        f"I sent the order for {generation.name}, but the answer never arrived, so I cannot tell whether it is being "
        f"made. I will not order it a second time by myself.{hope} “Order again” may make the video service bill the "
        f"operator twice; you pay {price} at most. “Drop it” costs you nothing."
    )


def not_found(generation: Generation) -> str:
    """The order was looked for in vain."""
    return (
        f"{generation.name} did not turn up at the video service. Shall I order it again, or drop it? Dropping it "
        "costs you nothing."
    )


def cancelled(generation: Generation) -> str:
    """A generation was stopped."""
    return f"{generation.name} is cancelled. {NOT_CHARGED}"


CANCELLING = "Stopping {id}…"
TOO_LATE_TO_CANCEL = "{id} is finished already and on its way to you."
NOTHING_TO_CANCEL = "There is nothing to cancel."
WHICH_ONE = "Which one?"

FLAWS = {
    Flaw.BLACK: "it is black from beginning to end",
    Flaw.FROZEN: "the picture never moves",
    Flaw.SILENT: "it has no sound although you asked for it",
    Flaw.TOO_SHORT: "it is shorter than promised",
    Flaw.WRONG_SHAPE: "it has the wrong shape",
}


def flawed(found: Iterable[Flaw]) -> str:
    """The reason of a failure: the clip was not what the card said."""
    return f"the clip came back, but {' and '.join(FLAWS[flaw] for flaw in found)}."


NEVER_FINISHED = "the video service never finished it."
NO_VIDEO = "the service finished without a video."
NO_SERVICE_ANSWER = "the video service does not answer. Try again in a few minutes."
UNPLAYABLE = "the file that came back cannot be played."
SERVICE_SAID = "the video service said “{reason}”."
MODEL_RETIRED = "{name} is not on offer any more. Here is what I can make instead; nothing was ordered."
MODEL_GONE = "this model is no longer set up here."
SOURCE_GONE = "the picture you sent is no longer here. Send it again."
UNDELIVERABLE = (
    "Your clip {id} is ready, but I could not post it ({reason}). You were not charged for it; it is kept, and I can "
    "post it once I am allowed to."
)

# --- conversation ----------------------------------------------------------------------------------------------------

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
    title = generation.summary or generation.request.idea[:60]
    seconds = f"{generation.clip.facts.duration_s:.0f} s" if generation.clip else ""
    return " · ".join(part for part in (generation.name, title, seconds) if part)


# --- limits ----------------------------------------------------------------------------------------------------------

BUDGETS = {
    Budget.PERSON: "your limit for today",
    Budget.CHANNEL: "this channel's limit for the month",
    Budget.TEAM: "your team's limit for the month",
    Budget.EVERYONE: "everybody's limit for today",
}
"""Whose money it is; a person's and everybody's limits are for a day, the others for a month."""

ORDERS = {
    Budget.PERSON: "You have",
    Budget.CHANNEL: "This channel has",
    Budget.TEAM: "Your team has",
    Budget.EVERYONE: "Together you have",
}


def amount(micros: int) -> str:
    """An amount that may be nothing: "$0.00" rather than "free"."""
    return dollars(micros) if micros else "$0.00"


AMOUNTS_HIDDEN = "set by your admin, and not shown here"


def over_limit(cap: Cap, used: int, price: int | None, *, now: datetime) -> str:
    """The tap would go over a limit: which, what is left, and when it renews. Nothing was ordered.

    price: micros; None for somebody who sees no amounts"""
    if cap.renews is None:
        videos = "1 video" if used == 1 else f"{used} videos"
        return (
            f"{ORDERS[cap.budget]} {videos} waiting or under way, which is the most. Tap again once one is done; "
            "nothing was ordered."
        )
    left = max(0, cap.most - used)
    renews = spell_seconds((cap.renews - now).total_seconds())
    if price is None:
        return (
            f"This costs more than what is left of {BUDGETS[cap.budget]}. It renews in {renews}. Nothing was ordered; "
            "a shorter or smaller clip may fit."
        )
    return (
        f"{dollars(price)} is more than what is left of {BUDGETS[cap.budget]}: {amount(left)} of {amount(cap.most)}. "
        f"It renews in {renews}. Nothing was ordered; a shorter or smaller clip may fit."
    )


# --- what an admin decides -------------------------------------------------------------------------------------------


def settled(generation: Generation) -> str:
    """An admin dropped a generation whose order was never answered."""
    why = (
        f"My operator says: “{shortened(generation.reason, 500)}”"
        if generation.reason
        else ("My operator looked into the lost order and closed it.")
    )
    return f"{cancelled(generation)} {why}"


# --- spending --------------------------------------------------------------------------------------------------------

AMOUNTS_FOR_ADMINS = "What videos cost is not shown to everybody here. Ask me in a private chat, or ask an admin."
NO_RECEIPT = "There is no video of yours to give a receipt for. Say “my videos” to see what there is."
BOOKED = {
    EntryKind.QUOTE: "quoted",
    EntryKind.HOLD: "held",
    EntryKind.CAPTURE: "charged",
    EntryKind.RELEASE: "released, not charged",
    EntryKind.ADJUST: "adjusted",
}


def too_fast(wait_s: float) -> str:
    """Somebody writes faster than is read."""
    return f"You are quick! I go on reading in {spell_seconds(wait_s)}; nothing you wrote is lost."


def usage(spent: Usage, *, now: datetime) -> str:
    """What somebody has spent, and what is left."""
    lines = [f"Your videos: {amount(spent.today)} today, {amount(spent.month)} this month."]
    if spent.channel_month is not None:
        lines.append(f"Everybody's videos in this channel: {amount(spent.channel_month)} this month.")
    for cap, used in spent.left:
        renews = f", renews in {spell_seconds((cap.renews - now).total_seconds())}" if cap.renews else ""
        left = max(0, cap.most - used)
        lines.append(f"Left of {BUDGETS[cap.budget]}: {amount(left)} of {amount(cap.most)}{renews}.")
    lines.append(f"Understanding you cost {amount(spent.talk_month)} this month; that is not part of the above.")
    return "\n".join(lines)


def receipt(generation: Generation, entries: Iterable[LedgerEntry]) -> str:
    """What was booked for one video."""
    plan = generation.plan
    lines = [card_heading(generation)]
    if plan is not None:
        lines.append(f"{plan.model_name} · {plan.duration_s} s · {plan.resolution}")
    # A card that changed was quoted more than once; only the last quote was ordered.
    booked = list(entries)
    quotes = [entry for entry in booked if entry.kind is EntryKind.QUOTE]
    lines += [
        f"{entry.at:%Y-%m-%d %H:%M} UTC: {amount(entry.amount)} {BOOKED[entry.kind]}"
        for entry in booked
        if entry.kind is not EntryKind.QUOTE or entry is quotes[-1]
    ]
    return "\n".join(lines)


# --- what is allowed here --------------------------------------------------------------------------------------------


def quality(tier: Tier) -> str:
    """A tier as people see it: "best quality"."""
    return f"{TIERS[tier]} quality"


def no_such_quality(tier: Tier) -> str:
    """The quality is not allowed here."""
    return f"I may not make clips in {quality(tier)} here. Which quality instead?"


def no_such_size_here(resolution: str) -> str:
    """The resolution belongs to a quality that is not allowed here."""
    return f"I may not make {resolution} clips here. Which size instead?"


def not_here(asked: str, got: str) -> str:
    """The nearest that is allowed was taken without asking."""
    return f"I may not make {asked} here, so I took {got}."


def longer_than_allowed(seconds: int, limit_s: int, longest: int, name: str) -> str:
    """The length is beyond the admin's limit; `longest` is what the model can do within it."""
    within = f"; {name} goes up to {longest} s" if longest < limit_s else ""
    return f"Clips here may be up to {limit_s} s long, so {seconds} s will not do{within}. Which length instead?"


def took_allowed_length(asked: str, got: str, limit_s: int) -> str:
    """The nearest allowed length was taken without asking."""
    return f"Clips here may not be longer than {limit_s} s, so I took {got} instead of {asked}."


def dearer_than_allowed(asked: str, dearest: int | None, most: str, name: str) -> str:
    """What was asked for costs more than one clip may (None: amounts are not shown); `most` is what can be had."""
    limit = f"may cost {dollars(dearest)} at most" if dearest is not None else "may not cost that much"
    return f"A clip here {limit}, so {asked} will not do: {name} goes up to {most}. What would you like instead?"


def took_allowed_price(asked: str, got: str, dearest: int | None) -> str:
    """The nearest that one may pay for was taken without asking."""
    limit = f"may cost {dollars(dearest)} at most" if dearest is not None else "may not cost that much"
    return f"A clip here {limit}, so I took {got} instead of {asked}."


NOT_ALLOWED_ANY_MORE = "I may not make that here any more. Here is what I can make instead; nothing was ordered."
LONGEST_ALLOWED = "{id} is as long as a clip may be here ({seconds} s). Ask for another clip that continues it."
NOTHING_ON_OFFER = "No video model is on offer here right now, so I cannot make this. My operator can add one."


# --- approvals -------------------------------------------------------------------------------------------------------

APPROVE = "Approve"
REMIND = "Remind them"
WITHDRAW = "Withdraw"
DENIALS = {
    "no": ("Deny", "no reason was given"),
    "price": ("Too expensive", "it is too expensive"),
    "later": ("Not now", "not now; ask again later"),
    "content": ("Not this", "not this content"),
}
"""Label of each button that says no, and the reason as the requester reads it."""
NOBODY_TO_ASK = "{id} needs somebody's approval, but there is nobody I could ask. Tell your admin; nothing was ordered."
APPROVAL_DECIDED = "{id}: the request for approval is over, see below."
WAITS_FOR_APPROVAL = "{id} waits for an approval, so I left it as it was. Withdraw it to change something."
NOT_ASKED = "Only those who were asked can decide about {id}."
REMINDED = "I reminded them about {id}."
REMINDED_ALREADY = "They were asked about {id} a few minutes ago. Give them a moment, then remind them."


def approval_card(generation: Generation, *, budget: str) -> str:
    """What an approver reads: who wants what, for how much, and why they are asked; or how it ended."""
    plan, approval = generation.plan, generation.approval
    assert plan is not None
    assert approval is not None
    why = "It is over a limit." if approval.why == "limit" else "It costs more than may be spent without asking."
    lines = [
        f"{generation.requester.name} asks for a video.",
        f"{plan.model_name} · {plan.duration_s} s · {plan.resolution}",
        f"Price: {dollars(plan.quote.amount)} at most" + (f", paid by {budget}" if budget else ""),
    ]
    lines.append(why if generation.status is GenerationStatus.PENDING_APPROVAL else approval_ended(generation))
    return "\n".join(lines)


def approval_asked(generation: Generation) -> str:
    """What the requester reads while it waits."""
    plan, approval = generation.plan, generation.approval
    if plan is None or approval is None:
        return f"{generation.name} waits for an approval; nothing is ordered before that."
    people = "1 person" if len(approval.asked) == 1 else f"{len(approval.asked)} people"
    why = "goes over a limit" if approval.why == "limit" else "costs more than you may spend alone"
    return (
        f"{generation.name} {why}, so I asked {people} to approve it. The price is held until "
        f"{plan.quote.valid_until:%d %B, %H:%M} UTC; nothing is ordered before that."
    )


def approval_reminder(generation: Generation) -> str:
    """Said to the approvers once more."""
    return f"{generation.requester.name} is still waiting for an answer about {generation.name}; the card is above."


def approval_ended(generation: Generation) -> str:
    """How a request for approval ended."""
    approval, name = generation.approval, generation.name
    if approval is not None and approval.approved:
        return f"{approval.decided_by} approved {name}."
    if approval is not None and approval.decided_by:
        reason = DENIALS[approval.reason][1]
        return f"{approval.decided_by} did not approve {name}: {reason}. Nothing was ordered."
    if approval is not None and approval.reason == "gone":
        return f"{name} cannot be had at that price any more, so nothing was ordered. Ask again with a new price."
    if generation.status is GenerationStatus.EXPIRED:
        return f"Nobody answered about {name} in time. Nothing was ordered; you can ask again with a new price."
    return f"{generation.requester.name} withdrew {name}. Nothing was ordered."


LIMITS_OF = {
    Budget.PERSON: "their limit for today",
    Budget.CHANNEL: "the channel's limit for the month",
    Budget.TEAM: "the team's limit for the month",
    Budget.EVERYONE: "everybody's limit for today",
}


def approval_over(generation: Generation, cap: Cap, *, again: bool) -> str:
    """What is to be approved goes over a limit by now; `again`: the approver may let it through all the same."""
    limit = "the number of videos that may be under way" if cap.counts_orders else LIMITS_OF[cap.budget]
    text = f"{generation.name} for {generation.requester.name} goes over {limit} now, so nothing is ordered yet."
    return f"{text} Tap Approve once more to let it through all the same." if again else f"{text} It goes on waiting."
