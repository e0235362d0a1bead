"""The terminal's pure parts: what is safe to show, what a line means, which button is meant."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.terminal.choices import REMEMBERED, Choices
from adapters.terminal.lines import Line, attachment, parse_line, parse_photo
from adapters.terminal.plain import safe, spell_size, typed
from adapters.terminal.screen import phase
from core.messages import Button, MediaKind, Post, PostKind
from tests.adapters.terminal.samples import AFTER, KEY, card, question, status


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcödé 🦊", "plain text, ünïcödé 🦊"),
        ("two\nlines", "two\nlines"),
        ("dos\r\nlines\rmore", "dos\nlines\nmore"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1bP+q\x1b\\x", "x"),
        ("\x9b2Jx", "x"),
        ("\x1b(Bx\x1b7", "x"),
        ("\x1b\x1b[31m[31mx", "[31mx"),
        ("bell\x07 back\x08 nul\x00", "bell back nul"),
        ("abc\u202edef", "abcdef"),
        ("a\tb", "a   b"),
        ("broken \udcff", "broken "),
    ],
)
def test_nothing_that_a_terminal_obeys_gets_through(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(alphabet=st.one_of(st.sampled_from("\x1b[]0;mPX\\\x07\x9b\x9d\n\r"), st.characters())))
def test_safe_text_is_safe(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", safe(text))
    safe(text).encode()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"hello\r\n", "hello"),
        (b"fox \xff\xfe", "fox \ufffd\ufffd"),
        ("fox \udcff", "fox \ufffd"),
        ("emoji half \ud83d", "emoji half ?"),
        ("  spaces  ", "spaces"),
        (b"\x1b[A", ""),
    ],
)
def test_what_was_typed(line: str | bytes, text: str) -> None:
    assert typed(line) == text


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("hello", Line(text="hello")),
        ("/status", Line(command="status")),
        ("/Status v12 please", Line(command="status", text="v12 please")),
        ("/video a\nfox", Line(command="video", text="a\nfox")),
        ("/home/me/cat.jpg", Line(text="/home/me/cat.jpg")),
        ("/", Line(text="/")),
        ("/2 x", Line(text="/2 x")),
        ("and/or", Line(text="and/or")),
    ],
)
def test_lines(line: str, parsed: Line) -> None:
    assert parse_line(line) == parsed


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("", None),
        ("cat.jpg", (Path("cat.jpg"), "")),
        ("cat.jpg make it dance", (Path("cat.jpg"), "make it dance")),
        ('"my cat.jpg" make it dance', (Path("my cat.jpg"), "make it dance")),
        ("'my cat.jpg'", (Path("my cat.jpg"), "")),
        (r"my\ cat.jpg it's fun", (Path("my cat.jpg"), "it's fun")),
        ("~/cat.jpg", (Path.home() / "cat.jpg", "")),
    ],
)
def test_photo_commands(text: str, parsed: tuple[Path, str] | None) -> None:
    assert parse_photo(text) == parsed


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cat.jpg", MediaKind.PHOTO),
        ("cat.mp4", MediaKind.VIDEO),
        ("cat.mp3", MediaKind.AUDIO),
        ("c", MediaKind.DOCUMENT),
    ],
)
def test_attachments(tmp_path: Path, name: str, kind: MediaKind) -> None:
    (tmp_path / name).write_bytes(b"12345")
    found = attachment(tmp_path / name)
    assert (found.kind, found.size_bytes, found.file_name) == (kind, 5, name)
    assert Path(found.ref).is_absolute()
    with pytest.raises(OSError, match="No such file"):
        attachment(tmp_path / "none.jpg")
    with pytest.raises(OSError, match="directory"):
        attachment(tmp_path)


def test_sizes_and_phases() -> None:
    assert [spell_size(size) for size in (10, 1_500, 3_200_000)] == ["1 kB", "2 kB", "3.2 MB"]
    assert phase("v12 · Rendering · 3 s of about 8 s") == phase("v12 · Rendering · 1 min of about 8 s")
    assert phase("v12 · Rendering") != phase("v12 · Downloading")


# --- choices ---------------------------------------------------------------------------------------------------------


def chosen(choices: Choices, line: str) -> tuple[str, str] | None:
    found = choices.meant(line)
    return None if found is None else (found.message_id, found.action)


@pytest.mark.parametrize("line", ["1", " 1. ", "1)", "Make it", "MAKE IT · $0.56", "make it!"])
def test_number_or_label_of_the_card(line: str) -> None:
    choices = Choices()
    choices.shown(question(), "q")
    choices.shown(card(), "c")
    assert chosen(choices, line) == ("c", "make")


@pytest.mark.parametrize("line", ["0", "3", "12", "-1", "1.5", "²", "make", "make it now", "", "realistic", "cancel"])
def test_other_lines_are_text(line: str) -> None:
    choices = Choices()
    choices.shown(question(), "q")
    choices.shown(card(), "c")
    choices.shown(status("working"), "s")
    choices.delivered(AFTER, "d")
    assert chosen(choices, line) is None


def test_dots_of_a_label_need_not_be_typed() -> None:
    choices = Choices()
    choices.shown(card(), "c")
    assert chosen(choices, "change") == ("c", "change")


def test_what_is_answered_cannot_be_pressed() -> None:
    choices = Choices()
    choices.shown(question(), "q")
    choices.shown(Post(key=KEY, kind=PostKind.QUESTION, text="Which look?\n→ Anime"), "q")
    assert chosen(choices, "1") is None
    choices.shown(card(), "c")
    choices.shown(question(), "q2")
    choices.shown(Post(key=KEY, kind=PostKind.QUESTION, text="done"), "q2")
    assert chosen(choices, "1") == ("c", "make")


def test_a_card_that_is_shown_again_is_the_newest() -> None:
    choices = Choices()
    choices.shown(card(), "c")
    choices.shown(question(), "q")
    choices.shown(card("v12 · A blue fox"), "c")
    assert chosen(choices, "1") == ("c", "make")


def test_a_clips_buttons_only_by_label_and_only_when_nothing_is_asked() -> None:
    choices = Choices()
    choices.delivered(AFTER, "d")
    assert chosen(choices, "1") is None
    assert chosen(choices, "another take") == ("d", "again")
    assert chosen(choices, "original file") is None
    choices.shown(question(), "q")
    assert chosen(choices, "another take") is None


def test_a_notices_buttons_by_label() -> None:
    choices = Choices()
    choices.shown(Post(key=KEY, text="Failed", buttons=((Button(label="Retry", action="retry"),),)), "n")
    choices.shown(question(), "q")
    assert chosen(choices, "retry") == ("n", "retry")
    assert chosen(choices, "1") == ("q", "look:real")


def test_old_clips_are_forgotten() -> None:
    choices = Choices()
    for number in range(REMEMBERED + 1):
        choices.delivered(((Button(label=f"Take {number}", action=str(number)),),), str(number))
    assert chosen(choices, "take 0") is None
    assert chosen(choices, "take 1") == ("1", "1")
