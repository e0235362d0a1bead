"""`reelbot check`: what is found out and shown, and that no secret is."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

from rich.console import Console

from bot.check import (
    Finding,
    Outcome,
    Probe,
    State,
    as_json,
    clip_store_probe,
    disk_probe,
    failed,
    print_tables,
    run_probes,
    shown_settings,
)
from bot.settings import Settings
from core.errors import TemporaryError
from storage.clips import ObjectClipStore

KEY = "a-very-secret-key"


def settings_with_secrets() -> Settings:
    return Settings(
        _env_file=None,
        GEMINI_API_KEY=KEY,
        DATABASE_URL="postgresql://u:pass-word@h/d",
        TELEGRAM_API_URL="http://user:hidden-too@localhost",
        ADMIN_USERS="telegram:1,telegram:2",
    )


async def answers() -> Finding:
    return Finding(detail="[bold]@reelbot")


async def is_off() -> Finding:
    return Finding(state=State.OFF, detail="set GEMINI_API_KEY")


async def is_low() -> Finding:
    return Finding(state=State.WARNING, detail="only 3 MB free")


async def hangs() -> Finding:
    await asyncio.Event().wait()
    raise AssertionError


async def refuses() -> Finding:
    raise TemporaryError(f"the service does not take\nthe key {KEY}")


async def breaks() -> Finding:
    raise ValueError("postgresql://u:pass-word@h/d")


PROBES = (
    Probe("Telegram", answers),
    Probe("Gemini", is_off),
    Probe("disk", is_low),
    Probe("Veo", hangs),
    Probe("Omni", refuses),
    Probe("database", breaks),
)


async def outcomes() -> tuple[Outcome, ...]:
    return await run_probes(PROBES, timeout_s=0.05, secrets=settings_with_secrets().secrets)


async def test_each_probe_has_an_outcome() -> None:
    found = {outcome.name: (outcome.state, outcome.detail) for outcome in await outcomes()}
    assert found == {
        "Telegram": (State.OK, "[bold]@reelbot"),
        "Gemini": (State.OFF, "set GEMINI_API_KEY"),
        "disk": (State.WARNING, "only 3 MB free"),
        "Veo": (State.FAILED, "no answer within 0.05 s"),
        "Omni": (State.FAILED, "the service does not take the key •••"),
        "database": (State.FAILED, "ValueError: •••"),
    }


async def test_only_what_does_not_answer_fails_it() -> None:
    assert not failed(await run_probes(PROBES[:3], timeout_s=1))
    assert failed(await outcomes())


async def test_json_for_machines() -> None:
    text = as_json(settings_with_secrets(), await outcomes())
    report = json.loads(text)
    assert report["ok"] is False
    assert report["checks"][0]["name"] == "Telegram"
    assert report["checks"][1]["state"] == "not configured"
    assert set(report["settings"]) == {name.upper() for name in Settings.model_fields}
    assert not any(secret in text for secret in (KEY, "pass-word", "hidden-too"))


async def test_tables_for_people() -> None:
    stream = io.StringIO()
    print_tables(Console(file=stream, width=160), settings_with_secrets(), await outcomes())
    text = stream.getvalue()
    assert not any(secret in text for secret in (KEY, "pass-word", "hidden-too"))
    assert "[bold]@reelbot" in text
    assert "GEMINI_API_KEY" in text and "set (not shown)" in text
    assert "HTTP_PORT" not in text
    assert text.rstrip().endswith("Something that is configured does not answer.")


async def test_nothing_set_and_all_well() -> None:
    stream = io.StringIO()
    found = await run_probes(PROBES[:1], timeout_s=1)
    print_tables(Console(file=stream, width=160), Settings(_env_file=None), found)
    assert stream.getvalue().startswith("Every setting is at its default.")
    assert stream.getvalue().rstrip().endswith("All that is configured answers.")


def test_settings_as_they_are_shown() -> None:
    shown = shown_settings(settings_with_secrets())
    assert shown["GEMINI_API_KEY"] == "set (not shown)"
    assert shown["TELEGRAM_BOT_TOKEN"] == "not set"
    assert shown["ADMIN_USERS"] == "telegram:1, telegram:2"
    assert shown["TELEGRAM_API_URL"] == "http://user:•••@localhost"
    assert shown["HTTP_PORT"] == "8080"


async def test_the_clip_store_is_tried(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    finding = await clip_store_probe(ObjectClipStore(str(folder))).run()
    assert finding == Finding(detail="a file was written, read and deleted")
    assert not [path for path in folder.rglob("*") if path.is_file()]


async def test_a_clip_store_that_cannot_be_written(tmp_path: Path) -> None:
    store = ObjectClipStore(str(tmp_path / "media"))
    (tmp_path / "media").rename(tmp_path / "gone")
    (tmp_path / "media").write_text("")
    (outcome,) = await run_probes([clip_store_probe(store)], timeout_s=5)
    assert outcome.state is State.FAILED


async def test_the_disk_is_looked_at(tmp_path: Path) -> None:
    (outcome,) = await run_probes([disk_probe(tmp_path / "new")], timeout_s=5)
    assert outcome.state in (State.OK, State.WARNING)
    assert "GB free in" in outcome.detail or "MB free in" in outcome.detail
