"""What is counted, for Prometheus. No label ever holds a person, a chat or a text.

Who counts when is up to the wiring; `/metrics` in `bot.server` shows `Metrics.render()`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from core.money import MICROS_PER_DOLLAR, Micros

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUICK_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30)
SLOW_S = (1, 2, 5, 10, 20, 40, 60, 90, 150, 300, 600, 1_200, 3_600)


class Metrics:
    """One process's counts; nothing is shared between two of these."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._messages = Counter("reelbot_messages", "Messages and presses received.", ["platform"], registry=registry)
        self._turns = Histogram(
            "reelbot_turn_seconds",
            "From a message's arrival to its saved answer.",
            buckets=QUICK_S,
            registry=registry,
        )
        self._generations = Counter(
            "reelbot_generations", "Generations that came to a status.", ["status"], registry=registry
        )
        self._orders = Counter(
            "reelbot_orders", "Orders sent to a video service, by outcome.", ["model", "outcome"], registry=registry
        )
        self._phases = Histogram(
            "reelbot_phase_seconds",
            "Time a generation spent in a phase.",
            ["phase"],
            buckets=SLOW_S,
            registry=registry,
        )
        self._tokens = Counter(
            "reelbot_dialogue_tokens",
            "Tokens paid for the dialogue.",
            ["model", "purpose", "direction"],
            registry=registry,
        )
        self._cost = Counter(
            "reelbot_dialogue_dollars", "US dollars paid for the dialogue.", ["model", "purpose"], registry=registry
        )
        self._outbox = Gauge("reelbot_outbox_waiting", "Chats where something waits to be sent.", registry=registry)
        self._running = Gauge("reelbot_running", "Generations on a worker.", registry=registry)
        self._silent = Gauge(
            "reelbot_receiver_silent_seconds",
            "Since a platform's receiver was last found receiving.",
            ["platform"],
            registry=registry,
        )
        self._receiving = Gauge(
            "reelbot_receiver_well", "1 while a platform's receiver receives.", ["platform"], registry=registry
        )
        self._restarts = Counter(
            "reelbot_receiver_restarts", "Receivers started anew.", ["platform"], registry=registry
        )
        self._troubles = Gauge(
            "reelbot_trouble", "1 while something does not get on as it should.", ["what"], registry=registry
        )
        self._oldest = Gauge(
            "reelbot_oldest_seconds", "How long the oldest of what waits has been waiting.", ["what"], registry=registry
        )
        self._events = Gauge(
            "reelbot_events", "Events for programs outside that wait, or were given up.", ["state"], registry=registry
        )
        self._queued = Gauge("reelbot_queued", "Generations that wait for a worker.", registry=registry)

    def message(self, platform: str) -> None:
        """A message or press came in."""
        self._messages.labels(platform).inc()

    def turn(self, seconds: float) -> None:
        """A message was answered, so long after it came in."""
        self._turns.observe(seconds)

    def generation(self, status: str) -> None:
        """A generation came to this status."""
        self._generations.labels(status).inc()

    def order(self, model: str, outcome: str) -> None:
        """An order ended: "accepted", "not_sent", "refused" or "unanswered"."""
        self._orders.labels(model, outcome).inc()

    def phase(self, phase: str, seconds: float) -> None:
        """A generation left a phase after so many seconds."""
        self._phases.labels(phase).observe(seconds)

    def dialogue(self, model: str, purpose: str, tokens_in: int, tokens_out: int, cost: Micros) -> None:
        """A paid call of a dialogue model."""
        self._tokens.labels(model, purpose, "in").inc(tokens_in)
        self._tokens.labels(model, purpose, "out").inc(tokens_out)
        self._cost.labels(model, purpose).inc(cost / MICROS_PER_DOLLAR)

    def waiting(self, *, outbox: int, running: int, queued: int) -> None:
        """How much waits and runs now."""
        self._outbox.set(outbox)
        self._running.set(running)
        self._queued.set(queued)

    def receiving(self, platform: str, silent_s: float, *, well: bool) -> None:
        """A platform's receiver was looked at: whether it receives, and how long ago it did."""
        self._silent.labels(platform).set(silent_s)
        self._receiving.labels(platform).set(well)

    def restarted(self, platform: str) -> None:
        """A platform's receiver is started anew."""
        self._receiving.labels(platform).set(0)
        self._restarts.labels(platform).inc()

    def trouble(self, what: str, there: bool) -> None:
        """Whether something of this kind does not get on."""
        self._troubles.labels(what).set(there)

    def oldest(self, what: str, seconds: float) -> None:
        """How long the oldest of this kind has been waiting; 0 when nothing does."""
        self._oldest.labels(what).set(seconds)

    def events(self, *, waiting: int, given_up: int) -> None:
        """How many events programs outside are still to be told, and how many nobody took. Since when the oldest waits
        is `oldest`'s."""
        self._events.labels("waiting").set(waiting)
        self._events.labels("given_up").set(given_up)

    def render(self) -> bytes:
        """Everything in Prometheus's text format, of the content type `CONTENT_TYPE`."""
        return generate_latest(self._registry)
