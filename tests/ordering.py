"""Which files are begun first: the slow ones, so that at the end no process works alone on a file that takes long.

Files are given out whole (`--dist loadfile`) and, with `--no-loadscope-reorder`, as they are ordered here. A file that
is not named takes little; what is here is only about speed, so that a number that has aged does no harm.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = {
    "tests/faults/test_campaign.py": 100,
    "tests/faults/test_killed.py": 80,
    "tests/faults/test_slack_unanswered.py": 60,
    "tests/fuzz/test_conversations.py": 50,
    "tests/core/test_money_machine.py": 50,
    "tests/program/test_slack.py": 45,
    "tests/faults/test_unanswered.py": 40,
    "tests/faults/test_chaos.py": 40,
    "tests/faults/test_slack_killed.py": 40,
    "tests/program/test_postgres.py": 40,
    "tests/program/test_rolling_deploy.py": 40,
    "tests/program/test_bad_days.py": 40,
    "tests/fuzz/test_model_replies.py": 35,
    "tests/fuzz/test_slack_events.py": 35,
    "tests/fuzz/test_telegram_updates.py": 35,
    "tests/fuzz/test_slack_sockets.py": 35,
    "tests/fuzz/test_telegram_polling.py": 35,
    "tests/fuzz/test_doors.py": 30,
    "tests/core/test_fair_queue.py": 35,
    "tests/bot/test_simulating.py": 35,
    "tests/core/test_conversation_to_clip.py": 30,
    "tests/program/test_events_out.py": 30,
    "tests/storage/test_budgets.py": 30,
    "tests/adapters/engine/test_distributed.py": 30,
    "tests/security/test_secrets.py": 25,
    "tests/core/test_review.py": 25,
    "tests/core/test_pipeline.py": 20,
    "tests/emulators/test_demo.py": 20,
    "tests/emulators/test_google_emulator.py": 20,
    "tests/program/test_main_job.py": 20,
    "tests/storage/test_reports.py": 15,
}
"""How long the slow files take, roughly, with two processes on two cores; `pytest --durations=0` measures it."""


def slowest_first(items: list[pytest.Item]) -> None:
    """Order by what files are known to take; what takes the same stays as it was."""
    items.sort(key=lambda item: -SECONDS.get(item.path.relative_to(ROOT).as_posix(), 0))
