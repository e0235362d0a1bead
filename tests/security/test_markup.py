"""Names, prompts and services' words never become markup, orders to a terminal, or other lines of a text or a log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from adapters.google_words import harmless
from adapters.telegram.parsing import parse_update
from adapters.telegram.rendering import html_caption, html_parts, keyboard
from adapters.terminal.plain import safe
from bot.logs import NOISY, configure_logging
from core.bounds import MAX_ACTION, MAX_ATTACHMENTS, MAX_NAME, MAX_TEXT, MAX_VALUES, bounded
from core.messages import Attachment, Button, ConversationKey, MediaKind, Message, Person, Post, Press
from core.readers import MAX_READ
from core.reading import Intent, Reading, ReadingInput, Step
from tests.adapters.telegram.support import update
from tests.stage import BOB, HERE, Stage

NOW = datetime(2026, 11, 21, tzinfo=UTC)
OBEYED = "\x00\x07\x08\x1b\x7f\x85\x9b\x9d\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
FORGED = "Bob\n✅ Approved by Ann\r\nv1 · $0.00"
EVIL = f"<b>x</b> <a href='tg://user?id=1'>tap</a> &lt; [x](http://e) *b* <!channel> {OBEYED}"
KEY = ConversationKey(platform="telegram", chat="1")


def message(**fields: Any) -> Message:
    given: dict[str, Any] = {"event_id": "1", "key": HERE, "id": "1", "sender": BOB, "sent_at": NOW} | fields
    return Message(**given)


# --- at the door ------------------------------------------------------------------------------------------------------


def test_a_name_is_one_line_of_plain_signs() -> None:
    sender = bounded(message(sender=replace(BOB, name=FORGED + OBEYED + "x" * 9_000))).sender
    assert sender.name.startswith("Bob ✅ Approved by Ann v1") and len(sender.name) <= MAX_NAME
    assert not set(sender.name) & {*OBEYED, "\n", "\r"}


def test_people_may_write_in_any_direction_and_join_their_signs() -> None:
    text = "שלום \u200f عالم\u200c 👩\u200d🚀\n\tחדש"
    taken = bounded(message(text=text))
    assert isinstance(taken, Message) and taken.text == text
    assert bounded(message(sender=Person(id="slack:U1", name="<@U1>"))).sender.name == "<@U1>"


def test_everything_that_comes_in_has_a_limit() -> None:
    file = Attachment(kind=MediaKind.DOCUMENT, ref="x", mime_type="m" * 9_000, file_name="f" * 9_000 + OBEYED)
    taken = bounded(message(text="t" * 10**6 + OBEYED, attachments=(file,) * 5_000))
    assert isinstance(taken, Message)
    assert len(taken.text) == MAX_TEXT and len(taken.attachments) == MAX_ATTACHMENTS
    assert all(len(one.file_name) <= 255 and len(one.mime_type) <= 255 for one in taken.attachments)
    values = {str(number): "v" * 10**5 for number in range(5_000)}
    press = Press(event_id="1", key=HERE, id="1", sender=BOB, action="a" * 10**6, sent_at=NOW, values=values)
    pressed = bounded(press)
    assert isinstance(pressed, Press)
    assert len(pressed.action) == MAX_ACTION and len(pressed.values) == MAX_VALUES
    assert all(len(value) <= MAX_TEXT for value in pressed.values.values())


class Listening:
    """A dialogue model that keeps what it was given."""

    name = "listening"

    def __init__(self) -> None:
        self.given: list[ReadingInput] = []

    async def read(self, given: ReadingInput) -> Reading:
        self.given.append(given)
        return Reading(steps=(Step(intent=Intent.CREATE, changes={"idea": given.text}),))

    async def write_prompt(self, given: Any) -> Any:
        raise AssertionError("nothing is written here")

    async def rewrite(self, request: Any, reason: str) -> Any:
        raise AssertionError("nothing is written here")


async def test_what_is_read_and_kept_of_a_huge_message_is_bounded(stage: Stage) -> None:
    model = Listening()
    stage.wire(model=model)
    await stage.say("fox " * 100_000)
    await stage.say(f"a fox {OBEYED} at night")
    assert len(model.given[0].text) == MAX_READ
    assert not set(model.given[1].text) & set(OBEYED)
    assert all(len(line.text) <= 400 for line in model.given[1].history)
    for row in (await stage.generation(1), await stage.generation(2)):
        assert len(row.request.idea) <= 4_000


async def test_a_name_cannot_speak_for_the_bot(stage: Stage) -> None:
    await stage.say("a red fox in the snow, cinematic, 4 seconds", person=replace(BOB, name=FORGED))
    card = stage.platform.with_button("Make it")
    await stage.press(card, "Make it", private=False)
    said = stage.platform.transcript()
    assert "Bob ✅ Approved by Ann v1 · $0.00" in said and "\n✅" not in said


# --- Telegram ---------------------------------------------------------------------------------------------------------


def test_on_telegram_nothing_written_is_markup() -> None:
    post = Post(key=KEY, heading=EVIL, text=EVIL, buttons=((Button(label="tap", action="make:1:1"),),))
    for text in (*html_parts(post), html_caption(EVIL, ())):
        bare = text.removeprefix("<b>").replace("</b>\n", "\n", 1)
        assert "<" not in bare and ">" not in bare
        assert not set(text) & set(OBEYED)


def test_on_telegram_a_label_is_one_and_a_price_stays_where_it_is() -> None:
    shown = keyboard(((Button(label=f"Make it · $0.56{OBEYED}", action="make:1:1"),),))
    assert shown is not None and shown.inline_keyboard[0][0].text == "Make it · $0.56"


def test_from_telegram_nothing_comes_in_that_a_screen_obeys() -> None:
    raw = update(text=f"fox{OBEYED}")
    raw["message"]["from"]["first_name"] = f"An{OBEYED}na"
    parsed = parse_update(raw, bot_id=1, bot_username="reelbot", now=NOW)
    assert isinstance(parsed, Message)
    assert (parsed.text, parsed.sender.name) == ("fox", "Anna")


# --- services' words and terminals ------------------------------------------------------------------------------------


def test_what_services_say_names_nobody_and_steers_nothing() -> None:
    assert harmless(f"no {OBEYED}<@U1> <\u202e@U2>") == "no < @U1> < @U2>"


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]8;;http://e\x07tap\x1b]8;;\x07",
        "\x1b]52;c;aGk=\x07",
        "\x1b[2J\x1b[1;1H",
        "\x9b31m",
        "\x1bP+q\x1b\\",
        "a\rb",
    ],
)
def test_a_terminal_is_told_nothing(text: str) -> None:
    assert not set(safe(text)) & {*OBEYED, "\r"}


# --- logs -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in NOISY}
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_words_look_like_another_line_of_the_log(stream: io.StringIO, form: Any) -> None:
    configure_logging("INFO", form, stream=stream)
    forged = f"x\n2026-11-21T12:00:00Z [info     ] money.released amount=5 {OBEYED}\u2028y"
    logging.getLogger("a").warning(forged)
    logging.getLogger("a").warning("failed: %s", forged, extra={"reason": forged})
    structlog.get_logger("b").warning("event", reason=forged)
    assert len(stream.getvalue().splitlines()) == 3
    try:
        raise ValueError(forged)
    except ValueError:
        logging.getLogger("a").exception(forged)
    assert not set(stream.getvalue()) & set(OBEYED)
    begun = [line for line in stream.getvalue().splitlines() if line.startswith("2026-11-21T12:00:00Z")]
    assert begun == []
