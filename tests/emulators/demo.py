"""`make demo`: the whole bot against local stand-ins of Telegram and Google, with people's parts as a script.

Prints the conversation as it happens, as Telegram's server sees it, and what the video service received. Ends with 0,
or with 1 when something did not happen as it should. How the program and the stand-ins are started is left to
`tests.program`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from bot.logs import configure_logging
from bot.settings import Settings
from core.money import dollars
from tests.emulators.brain import brain
from tests.emulators.demo_stage import Stage, main_button, picture
from tests.emulators.faults import Fault
from tests.emulators.google import GenerateCall, Refusal
from tests.program.running import running
from tests.program.services import World, world

FILMING_S = 1.0
"""How long the emulated service takes for a clip."""
READING_S = 0.5
"""Before a person does something, so that one can read along."""
LONGEST_S = 90.0
"""Whatever hangs, the demo ends after this."""
IDEAS = [
    "The fox and the hunter's dog play tag through a moonlit forest.",
    "A fox watches a distant lantern pass between dark trees, then trots home.",
]
"""What the language model says after the refusal."""


async def demo_brain(call: GenerateCall) -> dict[str, Any]:
    """The tests' stand-in for Gemini, with lines that suit this conversation."""
    answer = await brain(call)
    if "ideas" in answer:
        return {"ideas": IDEAS}
    return answer


# --- the scenes ------------------------------------------------------------------------------------------------------

Scene = Callable[[Stage], Awaitable[None]]


async def from_a_wish_to_a_clip(stage: Stage) -> None:
    """A vague wish, two questions, a card, a change in words, one tap, a second tap that orders nothing."""
    stage.heading("A wish becomes a clip")
    ann, chat = stage.ann, stage.chat
    said = await stage.say(ann, "make me a video of a fox")
    question = await chat.wait_for("You decide", after=said)
    pressed = await stage.tap(ann, question, "In nature")
    question = await chat.wait_for("You decide", after=pressed)
    pressed = await stage.tap(ann, question, "Like a film")
    first = main_button(await chat.wait_for("Make it", after=pressed))
    changed = await stage.say(ann, "upright please, and 6 seconds")
    card = await chat.wait_for("9:16", after=changed)
    button = main_button(card)
    stage.expect(button.text != first.text, "six seconds cost as much as eight")
    stage.orders(0)
    clip = await stage.clip(await stage.tap(ann, card, "Make it"))
    stage.expect(button.text.rpartition(" ")[2] in clip.said, "the caption does not state the card's price")
    assert button.callback_data is not None
    again = await chat.press_raw(ann, card, button.callback_data)
    await chat.wait_for("ordered already", after=again)
    stage.orders(1)


async def refused_with_other_ideas(stage: Stage) -> None:
    """The video service will not film it: two ideas that keep the wish, and no charge."""
    stage.heading("The video service refuses")
    stage.google.omni.next(Refusal("I can't show an animal being hunted."))
    before = stage.charged()
    said = await stage.say(stage.ann, "a hunter and his dog chase a fox, dark forest, dramatic, cinematic, 4 seconds")
    card = await stage.chat.wait_for("Make it", after=said)
    pressed = await stage.tap(stage.ann, card, "Make it")
    told = await stage.chat.wait_for("declined to film", after=pressed)
    stage.expect(all(idea in told.said for idea in IDEAS), "the ideas are not offered")
    stage.expect(stage.charged() == before, "the refusal was charged")
    pressed = await stage.tap(stage.ann, told, "Take idea 1")
    await stage.chat.wait_for("Make it", after=pressed)
    stage.orders(2)


async def the_answer_is_lost(stage: Stage) -> None:
    """The connection breaks after the order was sent: it is not sent again unless the person says so."""
    stage.heading("The answer to an order is lost")
    stage.google.faults.add(Fault(match="interactions.create", drop="after", times=1))
    card = await stage.chat.wait_for("Make it")
    pressed = await stage.tap(stage.ann, card, "Make it")
    told = await stage.chat.wait_for("never arrived", after=pressed)
    await asyncio.sleep(0.2)  # two sweeps, in which an order that is repeated by itself would be
    stage.orders(3)
    await stage.clip(await stage.tap(stage.ann, told, "Order again"))
    stage.orders(4)


async def somebody_else_taps(stage: Stage) -> None:
    """In a group everybody sees the card; only who asked decides."""
    stage.heading("In a group, somebody else taps")
    group = stage.telegram.group("Film club", members=[stage.ann, stage.bob])
    said = await stage.say(stage.ann, "@reelbot a paper boat on a puddle, hand-drawn, calm, 4 seconds", group)
    card = await group.wait_for("Make it", after=said)
    pressed = await stage.tap(stage.bob, card, "Make it")
    await group.wait_for("Only Ann can decide", after=pressed)
    stage.orders(4)
    clip = await stage.clip(await stage.tap(stage.ann, card, "Make it"))
    stage.expect(clip.reply_to is not None and clip.reply_to.id == said.id, "the clip does not answer the wish")
    stage.orders(5)
    stage.expect(stage.charged() == stage.stated, "the delivered clips' prices are not what is charged")
    stage.fact("charged by the ledger, for the three delivered clips", dollars(stage.charged()))


async def a_short_conversation(stage: Stage) -> None:
    """For the picture: one question, the card, the clip."""
    said = await stage.say(stage.ann, "make me a video of a red fox in the snow")
    question = await stage.chat.wait_for("You decide", after=said)
    pressed = await stage.tap(stage.ann, question, "Like a film")
    card = await stage.chat.wait_for("Make it", after=pressed)
    pressed = await stage.tap(stage.ann, card, "Make it")
    await stage.chat.wait_for("· Done", after=pressed)
    stage.look()


SCENES: tuple[Scene, ...] = (
    from_a_wish_to_a_clip,
    refused_with_other_ideas,
    the_answer_is_lost,
    somebody_else_taps,
)


# --- running it ------------------------------------------------------------------------------------------------------


async def play(scenes: Sequence[Scene], console: Console, folder: Path, *, pause_s: float = READING_S) -> int:
    """Play the scenes, keep clips and log in `folder`, and return the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as installation, (folder / "demo.log").open("w", encoding="utf-8") as log:
        configure_logging("INFO", "json", stream=log)
        try:
            async with asyncio.timeout(LONGEST_S), world(Path(installation)) as outside:
                outside.google.brain = demo_brain
                outside.google.omni.takes(FILMING_S)
                async with running(outside), _on_stage(outside, console, folder, pause_s) as stage:
                    for scene in scenes:
                        await scene(stage)
        except (AssertionError, TimeoutError) as error:
            console.print(Text(f"\nThis did not go as it should: {error or 'it took too long'}", "bold red"))
            console.print(f"The program's log is in {folder / 'demo.log'}", soft_wrap=True)
            return 1
    console.print(f"\n[bold green]Everything as it should be[/], in {time.monotonic() - began:.0f} s.")
    console.print(f"Clips and the program's log are in {folder}. Now talk to it yourself: make chat", soft_wrap=True)
    return 0


@asynccontextmanager
async def _on_stage(outside: World, console: Console, folder: Path, pause_s: float) -> AsyncIterator[Stage]:
    stage = Stage(outside, console, folder, pause_s=pause_s)
    outside.google.faults.on("interactions.create", stage.received)
    watching = asyncio.create_task(stage.watch())
    try:
        yield stage
        stage.look()
    finally:
        watching.cancel()
        await asyncio.wait({watching})


def main(arguments: Sequence[str]) -> int:
    """Run the demo; `--quick` leaves out the pauses, `--picture FILE` draws a short conversation instead."""
    for name in Settings.model_fields:  # whoever runs this may have a bot of their own
        os.environ.pop(name.upper(), None)
        os.environ.pop(f"{name.upper()}_FILE", None)
    folder = Path("data", "demo")
    pause_s = 0.0 if "--quick" in arguments else READING_S

    async def draw(stage: Stage) -> None:
        Path(arguments[-1]).write_text(picture(stage.console), encoding="utf-8")

    try:
        if "--picture" in arguments:
            console = Console(record=True, width=84, force_terminal=True)
            return asyncio.run(play((a_short_conversation, draw), console, folder, pause_s=pause_s))
        return asyncio.run(play(SCENES, Console(), folder, pause_s=pause_s))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
