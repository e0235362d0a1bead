"""How this engine's worker asks for jobs and ends them: so that neither a database that is away for a moment, nor a
worker that was thought dead and is not, loses a job or ends one that somebody else has by now.

Procrastinate's own worker ends a job by its number alone, whoever has it, and gives up at the first error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

log = logging.getLogger("reelbot.engine")

BUSY = """
SELECT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE lock = %(lock)s AND status IN ('todo', 'doing')) AS busy
"""
FINISH = """
SELECT procrastinate_finish_job_v1(ours.id, %(status)s, %(delete)s)
FROM (
    SELECT id FROM procrastinate_jobs WHERE id = %(job)s AND status = 'doing' AND worker_id = %(worker)s FOR UPDATE
) AS ours
"""
HAND_BACK = """
SELECT procrastinate_retry_job_v2(ours.id, NULL, NULL, NULL, NULL)
FROM (
    SELECT id FROM procrastinate_jobs WHERE id = %(job)s AND status = 'doing' AND worker_id = %(worker)s FOR UPDATE
) AS ours
"""
HAND_BACK_STRAYS = """
SELECT procrastinate_retry_job_v2(stray.id, NULL, NULL, NULL, NULL)
FROM (
    SELECT id FROM procrastinate_jobs
    WHERE status = 'doing' AND worker_id = %(worker)s AND NOT id = ANY(%(known)s)
    FOR UPDATE
) AS stray
"""
HAND_BACK_STALLED = """
SELECT procrastinate_retry_job_v2(stalled.id, NULL, NULL, NULL, NULL), stalled.args
FROM (
    SELECT job.id, job.args
    FROM procrastinate_jobs AS job LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
    WHERE job.status = 'doing' AND job.queue_name = %(queue)s
        AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %(stalled_s)s))
    FOR UPDATE OF job SKIP LOCKED
) AS stalled
"""
HEARTBEAT = """
INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (%(worker)s, now())
ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
"""


class Jobs(JobManager):
    """The jobs as one worker sees them."""

    def __init__(self, connector: BaseConnector, *, again_after_s: float) -> None:
        super().__init__(connector)
        self._again_after_s = again_after_s
        self._fetched: set[int] = set()
        """Jobs that this worker was given and has not ended."""
        self._strays = False
        """Whether it may have been given one without hearing of it."""
        self._closing = False

    def give_up(self) -> None:
        """End no more jobs: the program stops, and the database does not answer."""
        self._closing = True

    async def busy(self, lock: str) -> bool:
        """Whether a job with that lock waits or runs anywhere."""
        row = await self.connector.execute_query_one_async(BUSY, lock=lock)
        return bool(row["busy"])

    async def hand_back_stalled(self, queue: str, stalled_s: float) -> list[dict[str, Any]]:
        """Let the jobs of workers that are gone, or silent for that long, wait for another; their arguments."""
        rows = await self.connector.execute_query_all_async(HAND_BACK_STALLED, queue=queue, stalled_s=stalled_s)
        return [row["args"] for row in rows]

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job, or None; none either while the database is away."""
        try:
            if self._strays:
                await self.connector.execute_query_all_async(
                    HAND_BACK_STRAYS, worker=worker_id, known=sorted(self._fetched)
                )
                self._strays = False
            job = await super().fetch_job(queues, worker_id)
        except ConnectorException as error:
            log.warning("engine.no_answer", extra={"reason": _reason(error)})
            self._strays = True
            return None
        if job is not None and job.id is not None:
            self._fetched.add(job.id)
        return job

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End a job, unless somebody else has it by now."""
        await self._end(job, FINISH, status=status.value, delete=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Let a job wait for another worker, unless somebody else has it by now."""
        await self._end(job, HAND_BACK)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Say that the worker lives, also after another has struck it off; a failure is made up by the next."""
        try:
            await self.connector.execute_query_async(HEARTBEAT, worker=worker_id)
        except ConnectorException as error:
            log.info("engine.no_heartbeat", extra={"reason": _reason(error)})

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Hear of new jobs, on another connection when one is cut; polling finds them meanwhile."""
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except ConnectorException as error:
                log.info("engine.not_listening", extra={"reason": _reason(error)})
            await asyncio.sleep(self._again_after_s)

    async def _end(self, job: Job, statement: str, **values: Any) -> None:
        """A job whose end is not written would be held by a living worker for ever: try until it is."""
        while True:
            try:
                await self.connector.execute_query_all_async(statement, job=job.id, worker=job.worker_id, **values)
            except ConnectorException as error:
                log.info("engine.not_ended", extra={"job": job.id, "reason": _reason(error)})
                if self._closing:
                    return
                await asyncio.sleep(self._again_after_s)
            else:
                break
        if job.id is not None:
            self._fetched.discard(job.id)


class HandBack(BaseRetryStrategy):
    """Whatever cut a job off: another worker, or this one, takes it up again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """At once."""
        return RetryDecision()


def _reason(error: ConnectorException) -> str:
    """What the database or its driver said, in one line."""
    return str(error.__cause__ or error).partition("\n")[0]
