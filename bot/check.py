"""`reelbot check`: what is configured, what is missing and what does not answer, without showing a secret.

The wiring provides the probes, so that no vendor is known here; this module runs them, each with a time-out, and shows
what came of it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.redaction import Redactor
from bot.settings import Settings
from core.errors import ReelbotError
from core.ports import ClipStore

LEAST_FREE_MB = 500
"""Below this much free space a warning is given: a few clips of 4K with their working copies."""


class State(StrEnum):
    """What came of a probe."""

    OK = "ok"
    OFF = "not configured"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a probe found out."""

    state: State = State.OK
    detail: str = ""
    """One line: what answered, what is missing, or what to do. Never a secret."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Something to look at. `run` returns what it found, or raises: then it does not answer."""

    name: str
    run: Callable[[], Awaitable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A probe that has run."""

    name: str
    state: State
    detail: str
    seconds: float


async def run_probes(
    probes: Sequence[Probe], *, timeout_s: float, secrets: Sequence[SecretStr] = ()
) -> tuple[Outcome, ...]:
    """Run all probes at the same time, each for at most `timeout_s` seconds; never raises what they raise."""
    redact = Redactor(secrets)
    return tuple(await asyncio.gather(*(_run(probe, timeout_s, redact) for probe in probes)))


async def _run(probe: Probe, timeout_s: float, redact: Redactor) -> Outcome:
    started = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            finding = await probe.run()
    except TimeoutError:
        finding = Finding(state=State.FAILED, detail=f"no answer within {timeout_s:g} s")
    except ReelbotError as error:
        finding = Finding(state=State.FAILED, detail=str(error))
    except Exception as error:
        finding = Finding(state=State.FAILED, detail=f"{type(error).__name__}: {error}")
    return Outcome(
        name=probe.name,
        state=finding.state,
        detail=redact(" ".join(finding.detail.split())),
        seconds=round(time.monotonic() - started, 3),
    )


def failed(outcomes: Sequence[Outcome]) -> bool:
    """Whether something that is configured does not answer."""
    return any(outcome.state is State.FAILED for outcome in outcomes)


def shown_settings(settings: Settings) -> dict[str, str]:
    """Every setting by name with its value as text; secrets are "set" or "not set"."""
    redact = Redactor(settings.secrets)
    shown = {}
    for name, value in settings:
        if isinstance(value, SecretStr):
            text = "set (not shown)"
        elif isinstance(value, tuple):
            text = ", ".join(map(str, value))
        else:
            text = "" if value is None else str(value)
        shown[name.upper()] = redact(text) or "not set"
    return shown


def as_json(settings: Settings, outcomes: Sequence[Outcome]) -> str:
    """Everything for machines."""
    checks = [{"name": o.name, "state": o.state.value, "detail": o.detail, "seconds": o.seconds} for o in outcomes]
    report = {"ok": not failed(outcomes), "checks": checks, "settings": shown_settings(settings)}
    return json.dumps(report, ensure_ascii=False, indent=2)


def print_tables(console: Console, settings: Settings, outcomes: Sequence[Outcome]) -> None:
    """Everything for people: the settings that differ from their default, and what the probes found."""
    changed = Table("Setting", "Value", title="Settings that are not at their default", title_justify="left")
    shown = shown_settings(settings)
    for name, field in Settings.model_fields.items():
        if getattr(settings, name) != field.default:
            changed.add_row(name.upper(), Text(shown[name.upper()]))
    if changed.row_count:
        console.print(changed)
    else:
        console.print("Every setting is at its default.")
    style = {State.OK: "green", State.OFF: "dim", State.WARNING: "yellow", State.FAILED: "bold red"}
    checks = Table("Check", "State", "", title="Checks", title_justify="left")
    for outcome in outcomes:
        checks.add_row(outcome.name, Text(outcome.state.value, style[outcome.state]), Text(outcome.detail))
    console.print(checks)
    console.print(
        "Something that is configured does not answer." if failed(outcomes) else "All that is configured answers."
    )


def clip_store_probe(store: ClipStore) -> Probe:
    """Writes, reads and deletes a tiny file where clips are kept."""

    async def run() -> Finding:
        name, content = f"check/{uuid4().hex}.txt", b"reelbot check"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "check.txt"
            file.write_bytes(content)
            await store.put(file, name)
        try:
            found = b"".join([chunk async for chunk in store.read(name, 0, len(content))])
        finally:
            await store.delete(name)
        if found != content:
            return Finding(state=State.FAILED, detail="what was written came back different")
        return Finding(detail="a file was written, read and deleted")

    return Probe("clip store", run)


def disk_probe(folder: Path) -> Probe:
    """Looks at the free space where working copies are made."""

    async def run() -> Finding:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        free_mb = (await asyncio.to_thread(shutil.disk_usage, folder)).free // 1_000_000
        if free_mb < LEAST_FREE_MB:
            return Finding(state=State.WARNING, detail=f"only {free_mb} MB free in {folder}: make room")
        return Finding(detail=f"{free_mb / 1000:.1f} GB free in {folder}")

    return Probe("disk", run)
