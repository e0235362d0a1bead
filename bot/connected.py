"""What the adapters bring along: platforms, what listens for them, and what is posted to us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core.absence import ReadBack
from core.news import OperationNews
from core.ports import Platform, Receive, Receiver, WebhookAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The platforms that are set up, by name."""

    platforms: Mapping[str, Platform] = field(default_factory=dict)
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    webhooks: Mapping[str, ReceivingWebhook] = field(default_factory=dict)
    """By path."""
    read_back: Mapping[str, ReadBack] = field(default_factory=dict)
    """What reads missed messages, by platform; not every platform lets us."""
    alone: frozenset[str] = frozenset()
    """Receivers that only one process may run."""


class ServiceWebhook(Protocol):
    """What a video service posts to."""

    async def __call__(
        self, headers: Mapping[str, str], body: bytes, hear: Callable[[OperationNews], Awaitable[None]]
    ) -> WebhookAnswer:
        """Take a request in; returns what is answered."""
        ...


class ReceivingWebhook(Protocol):
    """What a platform posts to."""

    async def __call__(self, headers: Mapping[str, str], body: bytes, receive: Receive) -> WebhookAnswer:
        """Take a request in; returns what is answered."""
        ...


def together(*parts: Connected) -> Connected:
    """Several platforms as one."""
    return Connected(
        platforms={name: platform for part in parts for name, platform in part.platforms.items()},
        receivers={name: receiver for part in parts for name, receiver in part.receivers.items()},
        webhooks={path: webhook for part in parts for path, webhook in part.webhooks.items()},
        read_back={name: read for part in parts for name, read in part.read_back.items()},
        alone=frozenset().union(*(part.alone for part in parts)),
    )
