"""Reading back a thread that nobody listened to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.slack import SlackConnection
from adapters.slack.fields import moment
from adapters.slack.missed import PAGE
from core.errors import PermanentError, TemporaryError
from core.messages import ConversationKey
from tests.adapters.slack.listening import Taken, listening, made
from tests.clock import FakeClock
from tests.emulators.faults import Fault
from tests.emulators.slack import SlackChannel, SlackEmulator, SlackMessage, SlackUser


def place(slack: SlackEmulator, channel: SlackChannel, root: SlackMessage) -> ConversationKey:
    return ConversationKey(platform="slack", chat=f"{slack.team.id}/{channel.id}", thread=root.ts)


async def test_what_was_written_since_is_handed_on_as_if_it_came_now(
    slack: SlackEmulator,
    connection: SlackConnection,
    clock: FakeClock,
    channel: SlackChannel,
    anna: SlackUser,
    asked: SlackMessage,
) -> None:
    before = await channel.say(anna, "at night", thread=asked)
    said = await channel.say(anna, "longer", thread=asked)
    changed = await channel.say(anna, "@reelbot no sond", thread=asked)
    await channel.edit(anna, changed, "@reelbot no sound")
    await channel.say(anna, "somewhere else")
    await connection.client.chat_postMessage(channel=channel.id, thread_ts=asked.ts, text="my own words")
    taken = Taken()
    receiver = made(connection, clock)
    await receiver.read_back(place(slack, channel, asked), moment(before.ts), taken)
    assert taken.said == ["longer", "no sound"]
    first, second = await taken.message(1), await taken.message(2)
    assert (first.event_id, first.key, first.sender.id) == (
        f"{channel.id}:{said.ts}",
        place(slack, channel, asked),
        f"slack:{anna.id}",
    )
    assert (first.addressed, second.addressed, second.edited) == (False, True, False)


async def test_its_event_is_that_of_the_message_that_came(
    slack: SlackEmulator, connection: SlackConnection, clock: FakeClock, channel: SlackChannel, anna: SlackUser
) -> None:
    receiver, taken = made(connection, clock, signing_secret=slack.signing_secret), Taken()
    async with listening(slack, receiver, taken, socket=False):
        root = await channel.say(anna, "@reelbot a fox")
        came = await taken.message()
        await receiver.read_back(place(slack, channel, root), moment(root.ts) - timedelta(seconds=1), taken)
    assert {one.event_id for one in taken.all} == {came.event_id}
    assert (await taken.message(len(taken.all))).text == came.text


async def test_long_threads_are_read_to_their_end(
    slack: SlackEmulator,
    connection: SlackConnection,
    clock: FakeClock,
    channel: SlackChannel,
    anna: SlackUser,
    asked: SlackMessage,
) -> None:
    for number in range(PAGE + 5):
        await channel.say(anna, f"shot {number}", thread=asked)
    taken = Taken()
    await made(connection, clock).read_back(place(slack, channel, asked), moment(asked.ts), taken)
    assert taken.said == [f"shot {number}" for number in range(PAGE + 5)]


async def test_what_keeps_it_from_being_read_is_said(
    slack: SlackEmulator,
    connection: SlackConnection,
    clock: FakeClock,
    channel: SlackChannel,
    anna: SlackUser,
    asked: SlackMessage,
) -> None:
    receiver, key = made(connection, clock), place(slack, channel, asked)
    slack.faults.add(Fault(match="conversations.replies", status=503))
    with pytest.raises(TemporaryError):
        await receiver.read_back(key, moment(asked.ts), Taken())
    with pytest.raises(TemporaryError):
        await receiver.read_back(key, moment(asked.ts) - timedelta(seconds=1), Taken(TemporaryError()))
    gone = ConversationKey(platform="slack", chat=key.chat, thread="1700000000.000001")
    with pytest.raises(PermanentError):
        await receiver.read_back(gone, moment(asked.ts), Taken())


async def test_strangers_are_not_heard_in_this_way_either(
    slack: SlackEmulator,
    connection: SlackConnection,
    clock: FakeClock,
    channel: SlackChannel,
    anna: SlackUser,
    asked: SlackMessage,
) -> None:
    await channel.say(anna, "longer", thread=asked)
    taken = Taken()
    receiver = made(connection, clock, allowed_users=frozenset({"U0SOMEBODY"}))
    await receiver.read_back(place(slack, channel, asked), moment(asked.ts), taken)
    assert taken.all == []
