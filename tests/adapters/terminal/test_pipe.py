"""A conversation through a pipe: in this process over real pipes, and as a program of its own."""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import pytest

from adapters.terminal import TerminalPlatform
from core.errors import TemporaryError
from core.messages import Incoming, MediaKind, Message, Press
from tests.adapters.terminal.samples import Bot


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def bot(tmp_path: Path, output: io.StringIO) -> Bot:
    clip = tmp_path / "made.mp4"
    clip.write_bytes(b"clip" * 1_000)
    return Bot(TerminalPlatform(tmp_path / "videos", output=output, user="ann", interactive=False), clip)


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as stream:
        yield writing, stream


async def talk(bot: Bot, pipe: tuple[int, TextIO], script: bytes) -> None:
    writing, stream = pipe
    os.write(writing, script)
    os.close(writing)
    await asyncio.wait_for(bot.receiver(stdin=stream).run(bot.receive), 10)


def texts(received: list[Incoming]) -> list[str]:
    return [incoming.text if isinstance(incoming, Message) else f"<{incoming.action}>" for incoming in received]


async def test_a_whole_conversation(bot: Bot, output: io.StringIO, pipe: tuple[int, TextIO]) -> None:
    await talk(bot, pipe, b"make me a video of a fox\n2\nMAKE IT\n")
    assert texts(bot.received) == ["make me a video of a fox", "<look:anime>", "<make>"]
    assert output.getvalue().splitlines() == [
        "> make me a video of a fox",
        "Which look?",
        "  1. Realistic",
        "  2. Anime",
        "> 2",
        "→ Anime",
        "v12 · A red fox",
        "8 s · 16:9",
        "  1. Make it · $0.56",
        "  2. Change…",
        "> MAKE IT",
        "v12 · In the queue",
        "v12 · Rendering · 0 s of 10 s",
        "v12 · Rendering · 25 %",
        "v12 · Rendering · 50 %",
        "v12 · Rendering · 75 %",
        "v12 · Rendering · 100 %",
        "A red fox",
        "8 s · 720p",
        f"  {bot.platform.videos / 'v12.mp4'}",
        "  8.0 s · 1280×720 · 3.2 MB",
        "  [Another take]",
        "  Original file: http://127.0.0.1/v/1",
        "v12 · Done",
    ]


async def test_numbers_without_a_question_are_text(bot: Bot, pipe: tuple[int, TextIO]) -> None:
    await talk(bot, pipe, b"2\n7\n")
    assert texts(bot.received) == ["2", "7"]


async def test_messages_carry_who_when_and_which(bot: Bot, pipe: tuple[int, TextIO]) -> None:
    await talk(bot, pipe, b"hello\n\n   \n/Status v12\nno newline at the end")
    first, command, last = bot.received
    assert isinstance(first, Message)
    assert isinstance(command, Message)
    assert isinstance(last, Message)
    assert (first.sender.id, first.key, first.private, first.addressed) == (
        "terminal:ann",
        bot.platform.key,
        True,
        True,
    )
    assert (command.command, command.text) == ("status", "v12")
    assert last.text == "no newline at the end"
    assert len({first.event_id, command.event_id, last.event_id, first.id, command.id, last.id}) == 6
    assert abs((datetime.now(UTC) - first.sent_at).total_seconds()) < 60


async def test_a_press_names_the_message_it_is_under(bot: Bot, pipe: tuple[int, TextIO]) -> None:
    await talk(bot, pipe, b"a fox\nanime\n")
    press = bot.received[1]
    assert isinstance(press, Press)
    assert press.id
    assert press.sender == bot.platform.person


async def test_strange_bytes(bot: Bot, output: io.StringIO, pipe: tuple[int, TextIO]) -> None:
    await talk(bot, pipe, b"fox \xff\xfe\n\x1b[31mred\x00\n\xd0\xbb\xd0\xb8\xd1\x81\xd0\xb0\r\n")
    assert texts(bot.received) == ["fox \ufffd\ufffd", "red", "лиса"]
    assert "\x1b" not in output.getvalue()


async def test_a_line_without_end_is_cut(bot: Bot, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(b"x" * 1_000_000 + b"\nnext\n")
    with script.open(encoding="utf-8") as stream:
        await asyncio.wait_for(bot.receiver(stdin=stream).run(bot.receive), 10)
    assert [len(text) for text in texts(bot.received)] == [100_000, 4]


async def test_a_stream_without_a_descriptor(bot: Bot) -> None:
    await bot.receiver(stdin=io.StringIO("hello\nyou\n")).run(bot.receive)
    assert texts(bot.received) == ["hello", "you"]


async def test_a_photo_from_the_disk(bot: Bot, output: io.StringIO, pipe: tuple[int, TextIO], tmp_path: Path) -> None:
    (tmp_path / "my cat.png").write_bytes(b"png")
    script = f'/photo "{tmp_path}/my cat.png" make it dance\n/photo {tmp_path}/none.png\n/photo\n'
    await talk(bot, pipe, script.encode())
    (message,) = bot.received
    assert isinstance(message, Message)
    (picture,) = message.attachments
    assert (message.text, picture.kind, picture.mime_type) == ("make it dance", MediaKind.PHOTO, "image/png")
    await bot.platform.fetch(picture, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"png"
    assert f"There is no file {tmp_path}/none.png." in output.getvalue()
    assert "/photo path caption" in output.getvalue()


async def test_opening_says_where_the_clip_is(bot: Bot, output: io.StringIO, pipe: tuple[int, TextIO]) -> None:
    bot.platform.videos.mkdir()
    (bot.platform.videos / "v3.mp4").write_bytes(b"x")
    await talk(bot, pipe, b"/open\n/open v3\n/open v9\n/quit\nnever read\n")
    assert output.getvalue().count(f"The clip is {bot.platform.videos / 'v3.mp4'}") == 2
    assert "There is no clip v9" in output.getvalue()
    assert bot.received == []


async def test_a_message_that_cannot_be_stored_is_handed_on_again(bot: Bot, pipe: tuple[int, TextIO]) -> None:
    tries: list[Incoming] = []
    waits: list[float] = []

    async def receive(incoming: Incoming) -> None:
        tries.append(incoming)
        if len(tries) < 3:
            raise TemporaryError("The database is busy", retry_after=2.0 if len(tries) == 1 else None)
        await bot.receive(incoming)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    os.write(pipe[0], b"hello\n")
    os.close(pipe[0])
    receiver = bot.receiver(stdin=pipe[1], sleep=sleep)
    await receiver.run(receive)
    assert len({incoming.event_id for incoming in tries}) == 1
    assert texts(bot.received) == ["hello"]
    assert waits == [2.0, 1.0]


async def test_health_and_cancelling(bot: Bot, pipe: tuple[int, TextIO]) -> None:
    receiver = bot.receiver(stdin=pipe[1])
    now = datetime.now(UTC)
    assert receiver.healthy(now)
    running = asyncio.create_task(receiver.run(bot.receive))
    await asyncio.sleep(0.05)
    assert receiver.healthy(now) == ""
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert receiver.healthy(now)
    os.close(pipe[0])
    await asyncio.sleep(0.05)


async def test_the_next_line_waits_for_the_turn(bot: Bot, pipe: tuple[int, TextIO]) -> None:
    """The second line can only be a press because the first turn's question is on the screen by then."""
    await talk(bot, pipe, b"a fox\nrealistic\n")
    assert texts(bot.received) == ["a fox", "<look:real>"]


async def test_an_output_nobody_reads(tmp_path: Path, pipe: tuple[int, TextIO]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    output = os.fdopen(writing, "w", encoding="utf-8")
    bot = Bot(TerminalPlatform(tmp_path / "videos", output=output, interactive=False), tmp_path / "none")
    await talk(bot, pipe, b"hello\nyou\n")
    assert bot.received == []
    with pytest.raises(BrokenPipeError):
        output.close()


def run_program(tmp_path: Path, script: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tests.adapters.terminal.chat_program", str(tmp_path)],
        input=script,
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_the_program_through_a_pipe(tmp_path: Path) -> None:
    done = run_program(tmp_path, b"a fox\nanime\nmake it\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b" not in done.stdout
    assert done.stdout.decode().splitlines()[-1] == "v12 · Done"
    assert (tmp_path / "videos" / "v12.mp4").stat().st_size == 4_000


def test_the_program_with_nothing_to_read(tmp_path: Path) -> None:
    done = run_program(tmp_path, b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
