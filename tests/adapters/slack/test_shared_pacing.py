"""Slack's pauses and the budget for progress, shared by several processes: in virtual time, and over PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.slack import SlackPlatform
from core.errors import TemporaryError
from core.messages import Button, ConversationKey, Post, PostKind
from core.ports import Pace
from storage.database import Database
from storage.pace import PostgresPace
from tests.adapters.slack.support import Saved, connected, delivery, key
from tests.clock import FakeClock
from tests.emulators.slack import Fault, SlackChannel, SlackEmulator, SlackMessage, SlackUser
from tests.pace import VirtualPace

CANCEL = ((Button(label="Cancel", action="cancel:12"),),)


@pytest.fixture
def shared(clock: FakeClock) -> VirtualPace:
    return VirtualPace(clock)


@pytest.fixture
async def two(slack: SlackEmulator, clock: FakeClock, shared: VirtualPace) -> AsyncIterator[list[SlackPlatform]]:
    """The platforms of two processes, with six progress edits a minute for both."""
    async with AsyncExitStack() as stack:
        yield [await _platform(stack, slack, clock, shared) for _ in range(2)]


async def _platform(stack: AsyncExitStack, slack: SlackEmulator, clock: FakeClock, pace: Pace) -> SlackPlatform:
    connection = connected(slack)
    stack.push_async_callback(connection.close)
    await connection.identify()
    return SlackPlatform(connection, clock=clock, progress_edits_per_min=6, shared=pace)


@pytest.fixture
def thread(slack: SlackEmulator, channel: SlackChannel, asked: SlackMessage) -> ConversationKey:
    return key(slack, channel, asked)


@pytest.fixture
def status(thread: ConversationKey) -> Post:
    return Post(key=thread, kind=PostKind.STATUS, text="Filming", buttons=CANCEL, progress=0.1, quiet=True)


async def test_together_they_stay_in_the_budget_for_progress(
    slack: SlackEmulator, two: list[SlackPlatform], clock: FakeClock, status: Post
) -> None:
    sent = await two[0].post(status, "")
    for _ in range(30):
        for platform in two:
            assert await platform.post(status, sent) == sent
        clock.advance(2)
    assert 3 <= len(slack.calls("chat.update")) <= 6
    for platform in two:
        await platform.post(replace(status, progress=None, buttons=(), text="Done"), sent)
    assert 5 <= len(slack.calls("chat.update")) <= 8


async def test_a_429_that_one_gets_holds_the_other_for_that_channel_only(
    slack: SlackEmulator, two: list[SlackPlatform], clock: FakeClock, thread: ConversationKey, anna: SlackUser
) -> None:
    elsewhere = key(slack, slack.channel("elsewhere", members=[anna]))
    slack.faults.add(Fault(match="chat.postMessage", status=429, retry_after=70))
    for platform in two:
        with pytest.raises(TemporaryError) as caught:
            await platform.post(Post(key=thread, text="x"), "")
        assert caught.value.retry_after is not None and 60 < caught.value.retry_after <= 70
    assert len(slack.calls("chat.postMessage")) == 1
    await two[1].post(Post(key=elsewhere, text="x"), "")
    clock.advance(70)
    await two[1].post(Post(key=thread, text="x"), "")
    assert len(slack.calls("chat.postMessage")) == 3


async def test_a_429_for_an_edit_leaves_out_the_others_progress(
    slack: SlackEmulator, two: list[SlackPlatform], status: Post
) -> None:
    sent = await two[0].post(status, "")
    slack.faults.add(Fault(match="chat.update", status=429, retry_after=70))
    for platform in two:
        assert await platform.post(status, sent) == sent
    assert len(slack.calls("chat.update")) == 1
    with pytest.raises(TemporaryError):
        await two[1].post(replace(status, progress=None, buttons=(), text="Done"), sent)


async def test_a_429_for_a_completion_holds_the_others_clips(
    slack: SlackEmulator, two: list[SlackPlatform], thread: ConversationKey, anna: SlackUser, tmp_path: Path
) -> None:
    clip = delivery(tmp_path, thread, anna)
    slack.faults.add(Fault(match="files.completeUploadExternal", status=429, retry_after=70))
    for platform in two:
        with pytest.raises(TemporaryError) as caught:
            saved = Saved()
            await platform.deliver(clip, saved.values, saved)
        assert caught.value.retry_after is not None and caught.value.retry_after > 60
    assert len(slack.calls("files.completeUploadExternal")) == 1


async def test_without_the_shared_pace_words_wait_and_progress_is_left_out(
    slack: SlackEmulator, two: list[SlackPlatform], shared: VirtualPace, status: Post
) -> None:
    sent = await two[0].post(status, "")
    shared.away = True
    with pytest.raises(TemporaryError) as caught:
        await two[0].post(replace(status, progress=None, buttons=(), text="Done"), sent)
    assert caught.value.retry_after is not None and 0 < caught.value.retry_after <= 5
    assert await two[0].post(status, sent) == sent
    assert slack.calls("chat.update") == []
    shared.away = False
    slack.faults.add(Fault(match="chat.update", status=429, retry_after=70))
    assert await two[0].post(status, sent) == sent
    assert len(slack.calls("chat.update")) == 1


async def test_over_postgresql_they_share_budget_and_pauses(
    slack: SlackEmulator, clock: FakeClock, postgres_url: str, status: Post
) -> None:
    async with AsyncExitStack() as stack:
        platforms = []
        for _ in range(2):
            database = Database(postgres_url)
            stack.push_async_callback(database.close)
            platforms.append(await _platform(stack, slack, clock, PostgresPace(database)))
        sent = await platforms[0].post(status, "")
        for platform in platforms * 3:
            await platform.post(status, sent)
        assert len(slack.calls("chat.update")) == 3
        slack.faults.add(Fault(match="chat.postMessage", status=429, retry_after=700))
        for platform in platforms:
            with pytest.raises(TemporaryError) as caught:
                await platform.post(Post(key=status.key, text="x"), "")
            assert caught.value.retry_after is not None and 600 < caught.value.retry_after <= 700
        assert len(slack.calls("chat.postMessage")) == 2
