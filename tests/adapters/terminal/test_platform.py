"""The terminal as a platform: what is printed, and clips that arrive once."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.terminal import TerminalPlatform
from adapters.terminal.plain import safe
from core.errors import PermanentError, TemporaryError, Undeliverable
from core.messages import Attachment, Button, MediaKind, Message, Post, PostKind
from tests.adapters.terminal.samples import CARD, KEY, card, delivery, question, status


class Saved:
    """What the core keeps of a delivery."""

    def __init__(self, fails: int = 0) -> None:
        self.value: Mapping[str, str] = {}
        self.fails = fails
        """Which call fails, counted from 1; 0 for none."""
        self.calls = 0

    async def save(self, value: Mapping[str, str]) -> None:
        self.calls += 1
        if self.calls == self.fails:
            raise TemporaryError("The database is busy")
        self.value = value


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def terminal(tmp_path: Path, output: io.StringIO) -> TerminalPlatform:
    return TerminalPlatform(tmp_path / "videos", output=output, user="ann", language="de", interactive=False)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"clip" * 1_000)
    return path


def test_who_and_where(terminal: TerminalPlatform) -> None:
    assert terminal.key == KEY
    assert (terminal.person.id, terminal.person.language) == ("terminal:ann", "de")
    assert terminal.name == KEY.platform
    assert len({terminal.new_id() for _ in range(1_000)}) == 1_000


async def test_a_question_and_a_card(terminal: TerminalPlatform, output: io.StringIO) -> None:
    asked = await terminal.post(question(), "")
    await terminal.post(Post(key=KEY, kind=PostKind.QUESTION, text="Which look?"), asked)
    shown = await terminal.post(card(), "")
    assert shown != asked
    assert await terminal.post(card("v12 · A blue fox"), shown) == shown
    assert output.getvalue().splitlines() == [
        "Which look?",
        "  1. Realistic",
        "  2. Anime",
        "v12 · A red fox",
        "8 s · 16:9",
        "  1. Make it · $0.56",
        "  2. Change…",
        "v12 · A blue fox",
        "8 s · 16:9",
        "  1. Make it · $0.56",
        "  2. Change…",
    ]


async def test_what_is_new_in_an_answered_question(terminal: TerminalPlatform, output: io.StringIO) -> None:
    asked = await terminal.post(question(), "")
    await terminal.post(Post(key=KEY, kind=PostKind.QUESTION, text="Which look?\n→ Anime"), asked)
    assert output.getvalue().splitlines()[3:] == ["→ Anime"]


async def test_a_status_is_a_line_for_each_phase_and_quarter(terminal: TerminalPlatform, output: io.StringIO) -> None:
    shown = await terminal.post(status("v12 · In the queue, number 2"), "")
    await terminal.post(status("v12 · In the queue, number 1"), shown)
    for step in range(11):
        await terminal.post(status(f"v12 · Rendering · {step} s of 10 s", step / 10), shown)
    await terminal.post(Post(key=KEY, kind=PostKind.STATUS, text="v12 · Done"), shown)
    assert output.getvalue().splitlines() == [
        "v12 · In the queue, number 2",
        "v12 · Rendering · 0 s of 10 s",
        "v12 · Rendering · 25 %",
        "v12 · Rendering · 50 %",
        "v12 · Rendering · 75 %",
        "v12 · Rendering · 100 %",
        "v12 · Done",
    ]


async def test_what_others_wrote_cannot_steer_the_terminal(terminal: TerminalPlatform, output: io.StringIO) -> None:
    nasty = "\x1b]0;owned\x07\x1b[2J\x9b1mx"
    button = Button(label=nasty, action="a")
    await terminal.post(
        Post(
            key=KEY,
            kind=PostKind.CARD,
            heading=nasty,
            text=nasty,
            buttons=((button,), (Button(label=nasty, url=nasty),)),
        ),
        "",
    )
    await terminal.post(status(nasty), "")
    assert safe(output.getvalue()) == output.getvalue()


async def test_a_clip_is_put_into_the_folder(terminal: TerminalPlatform, output: io.StringIO, clip: Path) -> None:
    saved = Saved()
    message_id = await terminal.deliver(delivery(clip), {}, saved.save)
    path = terminal.videos / "v12.mp4"
    assert path.read_bytes() == clip.read_bytes()
    assert output.getvalue().splitlines() == [
        "A red fox",
        "8 s · 720p",
        f"  {path}",
        "  8.0 s · 1280×720 · 3.2 MB",
        "  [Another take]",
        "  Original file: http://127.0.0.1/v/1",
    ]
    before = output.getvalue()
    assert await terminal.deliver(delivery(clip), saved.value, saved.save) == message_id
    assert output.getvalue() == before
    assert list(terminal.videos.iterdir()) == [terminal.videos / "v12.mp4"]


@pytest.mark.parametrize("fails", [1, 2])
async def test_a_delivery_that_could_not_be_saved_is_shown_once(
    terminal: TerminalPlatform, output: io.StringIO, clip: Path, fails: int
) -> None:
    saved = Saved(fails)
    with pytest.raises(TemporaryError):
        await terminal.deliver(delivery(clip), {}, saved.save)
    await terminal.deliver(delivery(clip), saved.value, saved.save)
    assert output.getvalue().count("A red fox") == 1
    assert list(terminal.videos.iterdir()) == [terminal.videos / "v12.mp4"]


async def test_a_delivery_goes_on_in_the_next_process(terminal: TerminalPlatform, clip: Path) -> None:
    saved = Saved()
    shown = await terminal.deliver(delivery(clip), {}, saved.save)
    later = io.StringIO()
    again = TerminalPlatform(terminal.videos, output=later, user="ann", interactive=False)
    assert await again.deliver(delivery(clip), saved.value, saved.save) == shown
    assert later.getvalue() == ""
    unseen = {key: value for key, value in saved.value.items() if key != "shown"}
    assert await again.deliver(delivery(clip), unseen, saved.save) == shown
    assert later.getvalue().count("v12.mp4") == 1


async def test_an_older_file_of_that_name_is_replaced(terminal: TerminalPlatform, clip: Path) -> None:
    terminal.videos.mkdir()
    (terminal.videos / "v12.mp4").write_bytes(b"old")
    await terminal.deliver(delivery(clip), {}, Saved().save)
    assert (terminal.videos / "v12.mp4").read_bytes() == clip.read_bytes()


async def test_a_delivery_that_cannot_be_made(terminal: TerminalPlatform, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="not there"):
        await terminal.deliver(delivery(tmp_path / "none.mp4"), {}, Saved().save)
    in_the_way = TerminalPlatform(clip / "videos", output=io.StringIO(), interactive=False)
    with pytest.raises(Undeliverable, match="cannot be written"):
        await in_the_way.deliver(delivery(clip), {}, Saved().save)


async def test_which_clip_is_meant(terminal: TerminalPlatform, clip: Path) -> None:
    assert terminal.clip("") is None
    assert terminal.clip("v12") is None
    await terminal.deliver(delivery(clip), {}, Saved().save)
    await terminal.deliver(delivery(clip, "v13"), {}, Saved().save)
    assert terminal.clip("") == terminal.videos / "v13.mp4"
    assert terminal.clip("v12") == terminal.videos / "v12.mp4"
    assert terminal.clip("../clip") is None
    later = TerminalPlatform(terminal.videos, output=io.StringIO(), interactive=False)
    assert later.clip("") in {terminal.videos / "v12.mp4", terminal.videos / "v13.mp4"}


async def test_a_persons_file_is_fetched(terminal: TerminalPlatform, clip: Path, tmp_path: Path) -> None:
    picture = Attachment(kind=MediaKind.PHOTO, ref=str(clip), file_name="cat.jpg")
    await terminal.fetch(picture, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == clip.read_bytes()
    gone = Attachment(kind=MediaKind.PHOTO, ref=str(tmp_path / "gone"), file_name="cat.jpg")
    with pytest.raises(PermanentError, match=r"cat\.jpg"):
        await terminal.fetch(gone, tmp_path / "copy2")


async def test_nothing_is_in_the_way_and_noticing_prints_nothing(
    terminal: TerminalPlatform, output: io.StringIO
) -> None:
    assert await terminal.obstacle(KEY) is None
    now = datetime(2026, 11, 21, tzinfo=UTC)
    await terminal.acknowledge(Message(event_id="1", key=KEY, id="1", sender=terminal.person, sent_at=now))
    assert output.getvalue() == ""


async def test_an_output_that_cannot_show_everything(tmp_path: Path) -> None:
    raw = io.BytesIO()
    narrow = io.TextIOWrapper(raw, encoding="ascii")
    await TerminalPlatform(tmp_path, output=narrow, interactive=False).post(Post(key=KEY, text="½ fox 🦊"), "")
    assert raw.getvalue() == b"? fox ?\n"


async def test_a_closed_output(tmp_path: Path) -> None:
    output = io.StringIO()
    output.close()
    with pytest.raises(PermanentError):
        await TerminalPlatform(tmp_path, output=output, interactive=False).post(Post(key=KEY, text="x"), "")


async def test_a_card_without_its_buttons_is_not_shown_again(terminal: TerminalPlatform, output: io.StringIO) -> None:
    shown = await terminal.post(card(), "")
    before = output.getvalue()
    await terminal.post(Post(key=KEY, kind=PostKind.CARD, heading="v12 · A red fox", text="8 s · 16:9"), shown)
    assert output.getvalue() == before
    assert terminal.pressed("1") is None
    assert CARD
