"""How posts look on Telegram."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.rendering import html_caption, html_line, html_parts, keyboard, split, units
from core.messages import Button, ConversationKey, Post, PostKind, Rows

KEY = ConversationKey(platform="telegram", chat="1")


def post(text: str, *, heading: str = "", buttons: Rows = (), progress: float | None = None) -> Post:
    return Post(key=KEY, kind=PostKind.STATUS, text=text, heading=heading, buttons=buttons, progress=progress)


def test_markup_is_ours_alone() -> None:
    assert html_parts(post("<b>&", heading="v1 <x>")) == ["<b>v1 &lt;x&gt;</b>\n&lt;b&gt;&amp;"]
    assert html_line(post("", heading="only")) == "<b>only</b>"


def test_long_text_is_cut_between_paragraphs() -> None:
    text = "\n\n".join(["word " * 300] * 4)
    parts = html_parts(post(text, heading="Title"))
    assert len(parts) == 2
    assert parts[0].startswith("<b>Title</b>\nword") and parts[0].endswith("word")
    assert sum(part.count("word") for part in parts) == 1_200


@given(text=st.text(max_size=300), first=st.integers(2, 20), limit=st.integers(2, 20))
def test_split_loses_nothing_but_white_space(text: str, first: int, limit: int) -> None:
    text = text.encode("utf-16-le", "replace").decode("utf-16-le")
    parts = split(text, limit, first=first)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert units(parts[0]) <= first
    assert all(units(part) <= limit for part in parts[1:])


def test_an_edit_is_one_message() -> None:
    line = html_line(post("🦊" * 3_000, heading="Title"))
    assert line.endswith("…")
    assert units(html.unescape(line.replace("<b>", "").replace("</b>", ""))) <= 4_096


def test_caption_limit() -> None:
    assert units(html_caption("x" * 2_000, ())) == 1_024


def test_progress_bar() -> None:
    assert html_line(post("Filming", progress=0.4)) == "Filming\n▰▰▰▰▱▱▱▱▱▱ 40%"
    assert html_line(post("", progress=7.0)).endswith("100%")


def test_keyboard() -> None:
    rows = ((Button(label="Yes", action="yes"), Button(label="Site", url="https://example.org/x")), ())
    shown = keyboard(rows)
    assert shown is not None
    assert [[one.text for one in row] for row in shown.inline_keyboard] == [["Yes", "Site"]]
    assert keyboard(()) is None


def test_a_link_telegram_refuses_becomes_text() -> None:
    rows = ((Button(label="Original file", url="http://localhost:8080/v/x"),),)
    assert keyboard(rows) is None
    assert html_line(post("Done", buttons=rows)) == "Done\nOriginal file: http://localhost:8080/v/x"
    assert "http://localhost:8080/v/x" in html_caption("Done", rows)


@pytest.mark.parametrize(
    "button", [Button(label="x", action="é" * 33), Button(label="x"), Button(label=" ", action="a"),
               Button(label="x", action="a", url="https://example.org")]
)  # fmt: skip
def test_impossible_buttons_are_mistakes_in_the_program(button: Button) -> None:
    with pytest.raises(ValueError, match="button"):
        keyboard(((button,),))
