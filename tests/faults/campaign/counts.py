"""What came of a run, counted in the journals of the emulated services."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from tests.emulators.google_orders import Order
from tests.emulators.webhook_receiver import WebhookReceiver
from tests.faults.campaign.outbound import distinct, told_of, wrongly_told
from tests.faults.campaign.people import READY, Wish
from tests.faults.campaign.points import CREATE, Stage
from tests.program.services import Outside, SlackWorld, World


@dataclass(slots=True, kw_only=True)
class Counts:
    """Numbers of one row of the table."""

    kills: int = 0
    messages: int = 0
    """Wishes that people said."""
    orders: int = 0
    """Accepted by the video service."""
    deliveries: int = 0
    """Clips in chats."""
    lost_messages: int = 0
    """Wishes that got no card."""
    lost_generations: int = 0
    """Ordered with a tap, and no clip, no question and no word on why there is none."""
    second_orders: int = 0
    """More than there were taps that order."""
    second_deliveries: int = 0
    """Clips of the same order beyond the first."""
    ambiguous: int = 0
    """Wishes with an order whose answer was lost: a call that never got one, a person who was asked, or an order that
    was never looked at."""
    told: int = 0
    """Of these, those whose person was asked, or told of the end because it was found."""
    found: int = 0
    """Of these, those that were found, so that nobody had to choose."""
    repeated: int = 0
    """Sentences, cards and status messages that came once more because the answer to the first was lost."""
    events: int = 0
    """That a program outside was told, each counted once."""
    events_again: int = 0
    """Times that one of them was told once more, under the same id."""

    def add(self, other: Counts) -> None:
        """Count these as well."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(slots=True)
class Found:
    """All rows of a run, and what must not be."""

    rows: dict[Stage, Counts] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    """What happened when."""
    reached: Counter[str] = field(default_factory=Counter)
    """Named places that a process was killed at."""
    missed: Counter[str] = field(default_factory=Counter)
    """Those that no process got to in time; it was killed at a random moment then."""

    def row(self, stage: Stage) -> Counts:
        """The counts of a part of the program."""
        return self.rows.setdefault(stage, Counts())

    def add(self, other: Found) -> None:
        """Count another run as well."""
        for stage, counts in other.rows.items():
            self.row(stage).add(counts)
        self.violations += other.violations
        self.reached += other.reached
        self.missed += other.missed


def count(
    world: Outside,
    wishes: Sequence[Wish],
    died: Sequence[int],
    found: Found,
    *,
    receiver: WebhookReceiver | None = None,
) -> None:
    """Count every wish. `died`: when processes did, by the emulator's count of changes; `receiver`: the program outside
    that was told of all of it, None for none."""
    for wish in wishes:
        counts = _of(world, wish)
        if receiver is not None:
            came = told_of(receiver, wish)
            counts.events = len(distinct(came))
            counts.events_again = len(came) - counts.events
        found.row(wish.stage).add(counts)
        wrong = [
            *(name for name in _ZERO if getattr(counts, name)),
            *(["an ambiguous order was not told of"] if counts.told < counts.ambiguous else []),
            *(["said twice though nobody died"] if counts.repeated > _deaths_after(died, wish.began) else []),
            *(["the status never said how it ended"] if not wish.status_ended else []),
            *([f"the last word was: {wish.last_word}"] if wish.last_word else []),
            *(wrongly_told(receiver, wish) if receiver is not None else []),
            *(["not the bytes of the order"] if not _whole(world, wish) else []),
        ]
        if wrong:
            found.violations.append(
                f"{wish.word} ({wish.stage}): {'; '.join([*wrong, wish.trouble])}\n{wish.play.transcript}"
            )


_ZERO = ("lost_messages", "lost_generations", "second_orders", "second_deliveries")


def _of(world: Outside, wish: Wish) -> Counts:
    play = wish.play
    orders, clips, asked = _orders(world, wish), len(play.clips), len(play.asked)
    orphans = [order for order in orders if not _looked_at(world, order)]
    ambiguous = bool(orphans or asked or _unanswered(world, wish))
    announced = [one for one in play.replies if READY in one.said and one not in play.clips]
    again = max(0, len(wish.cards) - 1) + len(announced) + len(play.left_behind)
    return Counts(
        messages=int(wish.said),
        orders=len(orders),
        deliveries=clips,
        lost_messages=int(wish.said and not wish.cards),
        lost_generations=int(wish.tapped and not wish.told_of_the_end),
        second_orders=max(0, len(orders) - 1 - wish.ordered_again if wish.tapped else len(orders)),
        second_deliveries=max(0, clips - 1),
        ambiguous=int(ambiguous),
        told=int(ambiguous and (asked > 0 or wish.told_of_the_end)),
        found=int(ambiguous and not wish.chose and wish.told_of_the_end),
        repeated=again + max(0, asked - 1 - wish.ordered_again),
    )


def _unanswered(world: Outside, wish: Wish) -> bool:
    """Whether an order got no answer, however it went on."""
    calls = (call for name in CREATE.values() for call in world.google.calls(name))
    return any(call.status is None and wish.word in str(call.body) for call in calls)


def _orders(world: Outside, wish: Wish) -> list[Order]:
    return [order for order in (*world.google.omni.orders, *world.google.veo.orders) if wish.word in str(order.body)]


def _looked_at(world: Outside, order: Order) -> bool:
    """Whether the program ever asked the service about it, so that it knew of it."""
    calls = (*world.google.calls("interactions.get"), *world.google.calls("veo.fetchPredictOperation"))
    return any(order.id in f"{call.path} {call.body}" for call in calls)


def _whole(world: Outside, wish: Wish) -> bool:
    wanted = [world.google.clip_bytes(order) for order in _orders(world, wish) if order.clips]
    for clip in wish.play.clips:
        if isinstance(world, World):
            got = world.telegram.file_bytes(clip.video.file_id)
        else:
            assert isinstance(world, SlackWorld)
            got = world.slack.file_bytes(clip.files[0].id)
        if got not in wanted:
            return False
    return True


def _deaths_after(died: Sequence[int], began: int) -> int:
    return sum(mark >= began for mark in died)
