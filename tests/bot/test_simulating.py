"""`reelbot simulate`: with real parts, over the emulators, and beside a Reelbot that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.settings_loading import load_settings
from bot.simulating import Step, simulate
from storage.lease import WorkerLease
from storage.migrations import upgrade
from tests.bot.test_cli import reelbot
from tests.emulators.faults import Fault
from tests.program.services import World, world
from tests.program.test_main_job import orders

ROOT = Path(__file__).parents[2]
PATH = ["database", "dialogue", "card", "queue", "order", "render", "collect and check", "deliver"]
AFTER = ["prompt", "clip", "clip store", "ledger", "clean up"]


def files(folder: Path) -> list[str]:
    """Every file below the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def went(
    outside: World, *, paid: bool = False, agree: Callable[[str], bool] = lambda question: True, **changes: Any
) -> tuple[bool, list[Step]]:
    """The steps that were told."""
    steps: list[Step] = []
    settings = load_settings(env_file=None, **{**outside.environment, **changes})
    well = await simulate(settings, paid=paid, agree=agree, say=steps.append, within_s=30)
    return well, steps


def test_without_any_setting_the_whole_path_works(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "simulate"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line[18:37].strip() for line in lines[1:-1]] == PATH + AFTER
    assert all(line.startswith("ok ") for line in lines[1:-1])
    assert "free" in done.stdout
    assert lines[-1] == "The whole path works."
    left = files(tmp_path / "data")
    assert len(left) == 1
    assert left[0].startswith("simulated/v1")


async def test_beside_a_running_reelbot_nothing_of_it_is_touched(tmp_path: Path) -> None:
    async with world(tmp_path, provider="animatic") as outside:
        data = tmp_path / "data"
        (data / "media" / "v1").mkdir(parents=True)
        (data / "media" / "v1" / "clip.mp4").write_bytes(b"theirs")
        (data / "work" / "v1").mkdir(parents=True)
        (data / "work" / "v1" / "clip.part").write_bytes(b"theirs")
        await upgrade(f"sqlite:///{data / 'reelbot.db'}")
        before = {name: (data / name).read_bytes() for name in files(data)}
        with WorkerLease(data / "reelbot.db"):
            well, steps = await went(outside)
        assert well, steps
        assert "a running Reelbot works on it, which is left in peace" in steps[0].detail
        assert {name: (data / name).read_bytes() for name in before} == before
        assert outside.telegram.calls("*") == []


async def test_a_paid_one_says_the_price_and_asks_first(tmp_path: Path) -> None:
    async with world(tmp_path, provider="omni") as outside:
        asked: list[str] = []

        def agree(question: str) -> bool:
            asked.append(question)
            return len(asked) > 1

        well, steps = await went(outside, paid=True, agree=agree)
        assert not well
        assert (steps[-1].name, steps[-1].ok, steps[-1].detail) == ("consent", False, "nothing was ordered")
        assert orders(outside.google) == []

        well, steps = await went(
            outside, paid=True, agree=agree, LIMIT_DAY_USD="0.01", REVIEW_BEFORE_POST="true", APPROVERS="telegram:42"
        )
        assert well, steps
        assert len(orders(outside.google)) == 1
        price = next(step for step in steps if step.name == "consent").detail.partition(" ")[0]
        assert price.startswith("$")
        assert f"up to {price}" in asked[0]
        assert "read by gemini" in steps[1].detail


async def test_without_paid_nothing_is_ordered_however_much_is_set_up(tmp_path: Path) -> None:
    async with world(tmp_path, provider="veo") as outside:
        well, steps = await went(outside, ALLOWED_TIERS="best")
        assert well, steps
        assert "Storyboard" in steps[2].detail
        assert "read by gemini" in steps[1].detail
        assert orders(outside.google) == []


async def test_not_even_a_storyboard_with_a_price_is_ordered_without_paid(tmp_path: Path) -> None:
    built_in = (ROOT / "core" / "catalogue.toml").read_text("utf-8")
    entry = next(part for part in built_in.split("[[video]]") if 'id = "animatic-1"' in part).partition("\n# ")[0]
    own = tmp_path / "catalogue.toml"
    own.write_text("[[video]]" + entry.replace('"0"', '"0.10"'), "utf-8")
    async with world(tmp_path, provider="animatic") as outside:
        well, steps = await went(outside, CATALOGUE_FILE=str(own))
        assert not well
        assert (steps[-1].name, steps[-1].ok) == ("card", False)
        assert steps[-1].detail.endswith("it costs $0.40: nothing is ordered without --paid")


async def test_a_model_that_is_down_is_no_path_that_works(tmp_path: Path) -> None:
    async with world(tmp_path, provider="omni") as outside:
        outside.google.faults.add(Fault(match="generateContent", status=503, times=None))
        well, steps = await went(outside)
        assert not well
        assert (steps[-1].name, steps[-1].ok) == ("dialogue", False)
        assert "Gemini is set up but did not answer" in steps[-1].detail


async def test_a_video_that_fails_is_told_with_its_reason(tmp_path: Path) -> None:
    async with world(tmp_path, provider="omni") as outside:
        outside.google.faults.add(Fault(match="interactions.create", status=400, times=None))
        well, steps = await went(outside, paid=True)
        assert not well
        assert (steps[-1].name, steps[-1].ok) == ("order", False)
        assert steps[-1].detail.startswith("failed: ")


async def test_a_clip_store_that_loses_things_is_noticed(tmp_path: Path) -> None:
    async with world(tmp_path, provider="animatic") as outside:
        media = tmp_path / "data" / "media"

        steps: list[Step] = []

        def lose(step: Step) -> None:
            steps.append(step)
            if step.name == "clip":
                (lost,) = media.glob("v*/clip.mp4")
                lost.write_bytes(b"something else")

        settings = load_settings(env_file=None, **outside.environment)
        assert not await simulate(settings, paid=False, agree=lambda question: False, say=lose, within_s=30)
        assert (steps[-1].name, steps[-1].detail) == ("clip store", "what is kept is not what was delivered")


@pytest.mark.parametrize("wrong", ["database", "media"])
def test_the_exit_code_says_that_something_is_broken(tmp_path: Path, wrong: str) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a database or a folder should be")
    setting = {"DATABASE_URL": f"sqlite:///{blocked}"} if wrong == "database" else {"MEDIA_URL": str(blocked / "m")}
    done = reelbot("simulate", DATA_DIR=str(tmp_path / "data"), **setting)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert ("FAILED" in done.stdout) or ("MEDIA_URL" in done.stderr)
