"""Clips come exactly once, whatever ends in the middle: against the emulated Slack through the real SDK."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.slack import SlackConnection, SlackPlatform
from core.errors import PermanentError, TemporaryError, Undeliverable
from core.messages import Delivery
from core.ports import Clock
from tests.adapters.slack.support import CAPTION, Died, Saved, clips, connected, delivery, key
from tests.clock import FakeClock, SwiftClock
from tests.emulators.slack import Fault, SlackChannel, SlackEmulator, SlackMessage, SlackUser

METHODS = ("files.getUploadURLExternal", "upload", "files.completeUploadExternal", "files.info")


@pytest.fixture
def clip(tmp_path: Path, slack: SlackEmulator, channel: SlackChannel, asked: SlackMessage, anna: SlackUser) -> Delivery:
    return delivery(tmp_path, key(slack, channel, asked), anna)


async def test_a_clip_comes_into_its_thread(
    slack: SlackEmulator,
    platform: SlackPlatform,
    channel: SlackChannel,
    asked: SlackMessage,
    anna: SlackUser,
    clip: Delivery,
) -> None:
    saved = Saved()
    sent = await platform.deliver(clip, {}, saved)
    (shown,) = clips(channel)
    assert (shown.ts, shown.thread_ts) == (sent, asked.ts)
    assert shown.said == f"<@{anna.id}> {CAPTION}"
    assert [one.label for one in shown.buttons] == ["Another take", "Good", "Bad"]
    assert (shown.files[0].name, shown.files[0].title) == ("v12.mp4", "v12.mp4")
    assert slack.file_bytes(shown.files[0].id) == Path(clip.clip).read_bytes()
    assert [sorted(one) for one in saved.history] == [
        ["file"],
        ["completing", "file"],
        ["completed", "completing", "file"],
        ["completed", "completing", "file", "posted"],
    ]
    assert saved.values["posted"] == sent
    assert await platform.deliver(clip, saved.values, saved) == sent
    assert len(clips(channel)) == 1


@pytest.mark.parametrize("private", [True, False])
async def test_a_clip_into_a_direct_message_or_a_private_channel(
    slack: SlackEmulator, platform: SlackPlatform, anna: SlackUser, tmp_path: Path, private: bool
) -> None:
    channel = slack.channel("secret", members=[anna], private=True) if private else slack.direct(anna)
    sent = await platform.deliver(delivery(tmp_path, key(slack, channel), anna), {}, Saved())
    (shown,) = clips(channel)
    assert (shown.ts, shown.thread_ts) == (sent, "")


async def test_a_share_that_is_seen_late_is_waited_for(anna: SlackUser, tmp_path: Path) -> None:
    async with SlackEmulator(share_delay=0.1) as slack:
        user = slack.user("Ben")
        channel = slack.channel("videos", members=[user])
        asked = await channel.say(user, "@reelbot a fox")
        connection = connected(slack)
        platform = SlackPlatform(connection, clock=SwiftClock())
        sent = await platform.deliver(delivery(tmp_path, key(slack, channel, asked), user), {}, Saved())
        await connection.close()
        assert [one.ts for one in clips(channel)] == [sent]
        assert len(slack.calls("files.info")) > 1


# --- a life that ends in the middle ----------------------------------------------------------------------------------


async def _delivered_over_lives(
    folder: Path, clock: Clock, saved: Saved, *faults: Fault, **workspace: Any
) -> tuple[SlackEmulator, SlackChannel, str, int]:
    """Deliver once with what goes wrong, then again and again with what was saved, in a new process each time."""
    async with SlackEmulator(**workspace) as slack:
        anna = slack.user("Anna")
        channel = slack.channel("videos", members=[anna])
        asked = await channel.say(anna, "@reelbot a fox")
        clip = delivery(folder, key(slack, channel, asked), anna)
        for fault in faults:
            slack.faults.add(fault)
        sent, lives = "", 0
        while not sent and lives < 6:
            lives += 1
            connection = connected(slack)
            try:
                sent = await SlackPlatform(connection, clock=clock).deliver(clip, dict(saved.values), saved)
            except (Died, TemporaryError):
                pass
            finally:
                await connection.close()
        connection = connected(slack)
        assert await SlackPlatform(connection, clock=clock).deliver(clip, saved.values, saved) == sent
        await connection.close()
        assert [one.thread_ts for one in clips(channel)] == [asked.ts], channel.transcript()
        return slack, channel, sent, lives


@pytest.mark.parametrize("share_delay", [0.0, 0.08])
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_one_clip_when_a_life_ends_at_a_save(tmp_path: Path, number: int, kept: bool, share_delay: float) -> None:
    saved = Saved(dies_after=number) if kept else Saved(dies_before=number)
    _, channel, sent, lives = await _delivered_over_lives(tmp_path, SwiftClock(60), saved, share_delay=share_delay)
    assert lives == 2
    assert [one.ts for one in clips(channel)] == [sent]


@pytest.mark.parametrize("share_delay", [0.0, 0.08])
@pytest.mark.parametrize("lost", [{"drop": "before"}, {"drop": "after"}, {"malformed": True}, {"status": 503}])
@pytest.mark.parametrize("method", METHODS)
async def test_one_clip_when_a_call_is_lost(
    tmp_path: Path, method: str, lost: dict[str, Any], share_delay: float
) -> None:
    fault = Fault(match=method, **lost)
    _, channel, sent, _ = await _delivered_over_lives(tmp_path, SwiftClock(60), Saved(), fault, share_delay=share_delay)
    assert [one.ts for one in clips(channel)] == [sent]


@pytest.mark.parametrize("share_delay", [0.0, 0.08])
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("number", range(1, 8))
async def test_one_clip_and_one_row_of_buttons_where_files_take_no_blocks(
    tmp_path: Path, number: int, kept: bool, share_delay: float
) -> None:
    saved = Saved(dies_after=number) if kept else Saved(dies_before=number)
    _, channel, sent, _ = await _delivered_over_lives(
        tmp_path, SwiftClock(60), saved, share_delay=share_delay, file_blocks=False
    )
    (shown,) = clips(channel)
    assert shown.ts == sent
    assert "A fox &lt;in&gt; snow" in shown.text and shown.text.startswith("<@")
    controls = [one for one in channel.messages if one.buttons]
    assert [one.label for one in controls[-1].buttons] == ["Another take", "Good", "Bad"]
    # It is announced by what the clip is, not by what was said when it was on its way.
    assert controls[-1].text == "v12 · A fox &lt;in&gt; snow &amp; *ice*"
    # Only buttons, and only when the process ends between posting them and noting it, come a second time.
    noted = 7
    assert len(controls) == (2 if number == noted and not kept else 1)


async def test_a_lost_answer_is_not_asked_for_twice_while_the_share_may_still_come(tmp_path: Path) -> None:
    fault = Fault(match="files.completeUploadExternal", drop="after")
    slack, *_ = await _delivered_over_lives(tmp_path, SwiftClock(100), Saved(), fault, share_delay=0.15)
    assert len(slack.calls("files.completeUploadExternal")) == 1


async def test_an_answer_that_never_came_is_asked_for_again_after_a_while(tmp_path: Path) -> None:
    clock, saved = FakeClock(), Saved()
    async with clock:
        slack, *_ = await _delivered_over_lives(
            tmp_path, clock, saved, Fault(match="files.completeUploadExternal", drop="before")
        )
    assert len(slack.calls("upload")) == 1
    assert len(slack.calls("files.completeUploadExternal")) == 2
    times = [one["completing"] for one in saved.history if "completing" in one]
    assert times[0] < times[-1]


@pytest.mark.parametrize("file", ["F0", ""])
async def test_what_was_kept_before_stays(
    platform: SlackPlatform, channel: SlackChannel, clip: Delivery, file: str
) -> None:
    saved = Saved()
    await platform.deliver(clip, {"other": "x", "completing": "yesterday", "file": file}, saved)
    assert saved.values["other"] == "x"
    assert len(clips(channel)) == 1


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_a_file_that_slack_has_lost_is_uploaded_anew(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clip: Delivery
) -> None:
    saved = Saved()
    await platform.deliver(clip, {"file": "F0GONE"}, saved)
    assert len(clips(channel)) == 1
    assert saved.values["file"] == clips(channel)[0].files[0].id
    assert len(slack.calls("upload")) == 1


async def test_a_clip_that_somebody_deleted_does_not_come_back(
    slack: SlackEmulator, platform: SlackPlatform, connection: SlackConnection, channel: SlackChannel, clip: Delivery
) -> None:
    saved = Saved(dies_after=3)
    with pytest.raises(Died):
        await platform.deliver(clip, {}, saved)
    await connection.client.files_delete(file=saved.values["file"])
    assert await platform.deliver(clip, saved.values, saved) == saved.values["file"]
    assert not clips(channel)
    assert len(slack.calls("files.completeUploadExternal")) == 1


async def test_a_thread_that_is_gone_leaves_the_channel(
    platform: SlackPlatform, channel: SlackChannel, asked: SlackMessage, anna: SlackUser, clip: Delivery
) -> None:
    await channel.delete(anna, asked)
    sent = await platform.deliver(clip, {}, Saved())
    assert [(one.ts, one.thread_ts) for one in clips(channel)] == [(sent, "")]


async def test_a_share_that_is_never_seen_is_not_made_again(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clip: Delivery
) -> None:
    saved = Saved()

    async def not_shared(call: object) -> None:
        slack.faults.add(
            Fault(match="files.info", body={"ok": True, "file": {"id": saved.values["file"], "shares": {}}}, times=None)
        )

    slack.faults.on("files.completeUploadExternal", not_shared)
    sent = await platform.deliver(clip, {}, saved)
    assert sent == saved.values["file"] == saved.values["posted"]
    assert len(clips(channel)) == 1


@pytest.mark.parametrize("error", ["internal_error", "ratelimited"])
async def test_a_clip_that_is_there_for_certain_does_not_wait_for_ever_to_be_seen(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clock: FakeClock, clip: Delivery, error: str
) -> None:
    """Waiting would end in giving the clip up, uncharged, although everybody sees it."""
    slack.faults.add(Fault(match="files.info", body={"ok": False, "error": error}, times=None))
    saved = Saved()
    with pytest.raises(TemporaryError):
        await platform.deliver(clip, {}, saved)
    assert "completed" in saved.values
    clock.advance(61)
    assert await platform.deliver(clip, dict(saved.values), saved) == saved.values["file"] == saved.values["posted"]
    assert len(clips(channel)) == 1
    assert len(slack.calls("files.completeUploadExternal")) == 1


async def test_a_lost_answer_does_not_count_as_certain(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clock: FakeClock, clip: Delivery
) -> None:
    slack.faults.add(Fault(match="files.completeUploadExternal", drop="before"))
    slack.faults.add(Fault(match="files.info", body={"ok": False, "error": "internal_error"}, times=2))
    saved = Saved()
    for _ in range(3):
        with pytest.raises(TemporaryError):
            await platform.deliver(clip, dict(saved.values), saved)
        clock.advance(61)
    sent = await platform.deliver(clip, dict(saved.values), saved)
    assert [one.ts for one in clips(channel)] == [sent]


NONSENSE = {"ok": True, "result": {"unexpected": True}}
"""What a proxy may answer in a service's stead."""


async def test_an_answer_that_names_no_file_does_not_count_as_posted(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clock: FakeClock, clip: Delivery
) -> None:
    slack.faults.add(Fault(match="files.completeUploadExternal", body=NONSENSE))
    saved = Saved()
    with pytest.raises(TemporaryError, match="does not name the file"):
        await platform.deliver(clip, {}, saved)
    assert not clips(channel)
    clock.advance(61)
    sent = await platform.deliver(clip, dict(saved.values), saved)
    assert [one.ts for one in clips(channel)] == [sent]


async def test_an_upload_that_somebody_else_answered_is_made_again(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clip: Delivery
) -> None:
    slack.faults.add(Fault(match="upload", body=NONSENSE))
    saved = Saved()
    with pytest.raises(TemporaryError, match="just uploaded"):
        await platform.deliver(clip, {}, saved)
    sent = await platform.deliver(clip, dict(saved.values), saved)
    assert [one.ts for one in clips(channel)] == [sent]


async def test_uploads_that_never_arrive_end(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clip: Delivery
) -> None:
    slack.faults.add(Fault(match="upload", body=NONSENSE, times=None))
    saved = Saved()
    for _ in range(5):
        with pytest.raises(TemporaryError, match="just uploaded"):
            await platform.deliver(clip, dict(saved.values), saved)
    with pytest.raises(PermanentError):
        await platform.deliver(clip, dict(saved.values), saved)
    assert not clips(channel)


async def test_a_look_that_describes_no_file_does_not_have_a_clip_posted_again(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clock: FakeClock, clip: Delivery
) -> None:
    slack.faults.add(Fault(match="files.completeUploadExternal", drop="after"))
    slack.faults.add(Fault(match="files.info", body=NONSENSE, times=2))
    saved = Saved()
    for _ in range(3):
        with pytest.raises(TemporaryError):
            await platform.deliver(clip, dict(saved.values), saved)
        clock.advance(61)
    sent = await platform.deliver(clip, dict(saved.values), saved)
    assert [one.ts for one in clips(channel)] == [sent]


async def test_buttons_that_cannot_be_posted_do_not_hold_up_a_clip_that_is_there(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with SlackEmulator(file_blocks=False) as slack:
        anna = slack.user("Anna")
        channel = slack.channel("videos", members=[anna])
        slack.faults.add(Fault(match="chat.postMessage", status=503, times=None))
        connection = connected(slack)
        platform = SlackPlatform(connection, clock=clock)
        clip, saved = delivery(tmp_path, key(slack, channel), anna), Saved()
        with pytest.raises(TemporaryError):
            await platform.deliver(clip, {}, saved)
        clock.advance(3_601)
        assert await platform.deliver(clip, dict(saved.values), saved) == saved.values["posted"]
        await connection.close()
        assert saved.values["controls"] == "none"
        assert len(clips(channel)) == 1


async def test_a_token_that_may_not_look_at_files_still_delivers(tmp_path: Path, clock: FakeClock) -> None:
    async with SlackEmulator(scopes=frozenset({"chat:write", "files:write"})) as slack:
        anna = slack.user("Anna")
        channel = slack.channel("videos", members=[anna])
        connection = connected(slack)
        saved = Saved()
        sent = await SlackPlatform(connection, clock=clock).deliver(
            delivery(tmp_path, key(slack, channel), anna), {}, saved
        )
        await connection.close()
        assert sent == saved.values["file"]
        assert len(clips(channel)) == 1


async def test_inner_errors_at_the_completion_end_in_a_plain_one(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clip: Delivery
) -> None:
    body = {"ok": False, "error": "internal_error"}
    slack.faults.add(
        Fault(match="files.completeUploadExternal", body=body, times=None, when=lambda call: "blocks" in call.params)
    )
    saved = Saved()
    for _ in range(3):
        with pytest.raises(TemporaryError):
            await platform.deliver(clip, dict(saved.values), saved)
    await platform.deliver(clip, dict(saved.values), saved)
    assert len(clips(channel)) == 1
    assert [len(one.buttons) for one in channel.messages if one.buttons] == [3]


async def test_buttons_that_slack_does_not_take_do_not_spoil_the_delivery(tmp_path: Path, clock: FakeClock) -> None:
    async with SlackEmulator(file_blocks=False) as slack:
        anna = slack.user("Anna")
        channel = slack.channel("videos", members=[anna])
        slack.faults.add(Fault(match="chat.postMessage", body={"ok": False, "error": "invalid_blocks"}, times=None))
        connection = connected(slack)
        platform = SlackPlatform(connection, clock=clock)
        clip, saved = delivery(tmp_path, key(slack, channel), anna), Saved()
        sent = await platform.deliver(clip, {}, saved)
        assert await platform.deliver(clip, saved.values, saved) == sent
        await connection.close()
        assert len(slack.calls("chat.postMessage")) == 1


@pytest.mark.parametrize("why", ["removed", "archived", "restricted", "unknown"])
async def test_undeliverable_and_then_brought_elsewhere(
    slack: SlackEmulator,
    platform: SlackPlatform,
    channel: SlackChannel,
    anna: SlackUser,
    clip: Delivery,
    why: str,
) -> None:
    if why == "removed":
        channel.remove_bot()
    elif why == "archived":
        channel.archive()
    elif why == "restricted":
        channel.restrict_posting()
    else:
        clip = replace(clip, key=replace(clip.key, chat=f"{slack.team.id}/C0NOWHERE"))
    saved = Saved()
    with pytest.raises(Undeliverable) as caught:
        await platform.deliver(clip, {}, saved)
    assert str(caught.value) == {
        "archived": "that channel is archived",
        "restricted": "I may not post in that channel",
    }.get(why, "I am not a member of that channel")
    assert "completing" not in saved.values
    direct = slack.direct(anna)
    await platform.deliver(replace(clip, key=key(slack, direct)), saved.values, saved)
    assert len(clips(direct)) == 1
    assert len(slack.calls("upload")) == 1


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal", "files.info"])
async def test_a_429_says_how_long_and_is_kept(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, clock: FakeClock, clip: Delivery, method: str
) -> None:
    slack.faults.add(Fault(match=method, status=429, retry_after=30))
    saved = Saved()
    for _ in range(2):
        with pytest.raises(TemporaryError) as caught:
            await platform.deliver(clip, dict(saved.values), saved)
        assert caught.value.retry_after is not None and 0 < caught.value.retry_after <= 30
    assert len(slack.calls(method)) == 1
    clock.advance(31)
    await platform.deliver(clip, dict(saved.values), saved)
    assert len(clips(channel)) == 1


async def test_too_large_a_clip_is_not_even_announced(
    slack: SlackEmulator, connection: SlackConnection, clock: FakeClock, clip: Delivery
) -> None:
    platform = SlackPlatform(connection, clock=clock, upload_bytes=2_000)
    before = len(slack.journal)
    with pytest.raises(PermanentError, match="larger"):
        await platform.deliver(clip, {}, Saved())
    assert len(slack.journal) == before


async def test_a_clip_that_is_not_there(platform: SlackPlatform, clip: Delivery, tmp_path: Path) -> None:
    with pytest.raises(TemporaryError, match="file"):
        await platform.deliver(replace(clip, clip=str(tmp_path / "none.mp4")), {}, Saved())


async def test_a_caption_as_long_as_can_be(
    platform: SlackPlatform, channel: SlackChannel, anna: SlackUser, clip: Delivery
) -> None:
    caption = "🦊" * 1_024
    await platform.deliver(replace(clip, caption=caption), {}, Saved())
    assert clips(channel)[0].said == f"<@{anna.id}> {caption}"


async def test_a_clip_is_never_in_memory(
    slack: SlackEmulator, platform: SlackPlatform, channel: SlackChannel, anna: SlackUser, tmp_path: Path
) -> None:
    clip = delivery(tmp_path, key(slack, channel), anna, size=64 << 20)
    tracemalloc.start()
    try:
        await platform.deliver(clip, {}, Saved())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    (call,) = slack.calls("upload")
    assert call.params["content_length"] == 64 << 20
    assert "Authorization" not in call.headers
