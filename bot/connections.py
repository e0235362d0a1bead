"""Makes the adapters that the settings ask for. Imported late and only when set up, because the SDKs are heavy.

Adding a platform is a function like `telegram` and a line in `platforms`; adding a provider, one like `omni` and a
line in `providers`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import SecretStr

from bot.connected import Connected, ServiceWebhook, together
from bot.settings import Settings
from bot.terms import terms_of
from core import texts
from core.catalogue import Catalogue
from core.forms import Forms
from core.offers import Offers
from core.overview import Overviews
from core.ports import ClipStore, Clock, DialogueModel, Media, Pace, VideoProvider
from core.repositories import Generations

if TYPE_CHECKING:
    from adapters.omni import OmniVideoProvider
    from adapters.slack import SlackConnection
    from adapters.telegram import TelegramConnection
    from adapters.veo import VeoVideoProvider
    from adapters.webhooks import WebhookAnnouncer

MEGABYTE = 1 << 20
CUTTER = "cutter"
"""The provider that joins clips; it needs no settings."""
WRITE_TIMEOUT_S = 30.0
"""What writing one prompt may take, in seconds: it is done while the clip waits, not while a person does."""


class Closable(Protocol):
    """An adapter with connections."""

    async def close(self) -> None:
        """Let go of them."""
        ...


A = TypeVar("A", bound=Closable)


def load(settings: Settings) -> None:
    """Import what these settings need to make clips, so that making adapters of it does not take a moment."""
    for name in ("pyav", "rules", settings.dialogue_model, *settings.video_providers):
        import_module(f"adapters.{name}")


class Connections:
    """Makes adapters, and closes them in the end."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        clock: Clock,
        generations: Generations,
        *,
        pace: Pace | None = None,
    ) -> None:
        """`pace`: how fast all processes send together; None where there is only one."""
        self._settings = settings
        self._catalogue = catalogue
        self._clock = clock
        self._generations = generations
        self._pace = pace
        self._open = AsyncExitStack()

    async def close(self) -> None:
        """Close every adapter that was made."""
        await self._open.aclose()

    def _kept(self, adapter: A) -> A:
        self._open.push_async_callback(adapter.close)
        return adapter

    # --- platforms -------------------------------------------------------------------------------------------------

    def platforms(self) -> Connected:
        """Every platform that is set up."""
        return together(
            self.telegram() if self._settings.telegram_bot_token is not None else Connected(),
            self.slack() if self._settings.slack_bot_token is not None else Connected(),
        )

    def telegram(self) -> Connected:
        """Telegram, by polling or by webhook."""
        from adapters.telegram import TelegramPlatform, TelegramReceiver

        settings = self._settings
        connection = self.telegram_connection()
        platform = TelegramPlatform(
            connection,
            clock=self._clock,
            upload_bytes=settings.telegram_upload_mb * MEGABYTE,
            download_bytes=settings.telegram_download_mb * MEGABYTE,
            overall_per_s=settings.telegram_messages_per_s,
            chat_burst=settings.telegram_chat_burst,
            group_per_min=settings.telegram_group_per_min,
            shared=self._pace,
        )
        receiver = TelegramReceiver(
            connection,
            platform,
            clock=self._clock,
            commands=texts.talk.COMMANDS,
            stranger_text=texts.talk.STRANGER,
            allowed_users=frozenset(map(str, settings.telegram_allowed_users)),
            allowed_chats=frozenset(map(str, settings.telegram_allowed_chats)),
            webhook_url=settings.telegram_webhook_url,
            webhook_secret=_plain(settings.telegram_webhook_secret),
        )
        return Connected(
            platforms={platform.name: platform},
            receivers={platform.name: receiver},
            webhooks={"/telegram/webhook": receiver.handle} if settings.telegram_webhook_url else {},
            alone=frozenset() if settings.telegram_webhook_url else frozenset({platform.name}),
        )

    def telegram_connection(self) -> TelegramConnection:
        """The bot's account."""
        from adapters.telegram import TelegramConnection

        settings = self._settings
        return self._kept(
            TelegramConnection(
                token=_plain(settings.telegram_bot_token),
                api_url=settings.telegram_api_url,
                loopback_only=settings.loopback_only,
            )
        )

    def slack(self) -> Connected:
        """Slack, by Socket Mode or by HTTP."""
        from adapters.slack import SlackPlatform, SlackReceiver

        settings = self._settings
        connection = self.slack_connection()
        platform = SlackPlatform(
            connection,
            clock=self._clock,
            upload_bytes=settings.slack_upload_mb * MEGABYTE,
            download_bytes=settings.slack_download_mb * MEGABYTE,
            progress_edits_per_min=settings.slack_progress_edits_per_min,
            shared=self._pace,
        )
        offers = Offers(
            catalogue=self._catalogue,
            providers=(*settings.video_providers, CUTTER),
            terms=terms_of(settings),
            generations=self._generations,
            clock=self._clock,
        )
        receiver = SlackReceiver(
            connection,
            platform,
            clock=self._clock,
            forms=Forms(generations=self._generations, offers=offers),
            overviews=Overviews(generations=self._generations, clock=self._clock),
            on_it=texts.places.ON_IT,
            slow_text=texts.talk.SLOW_TODAY,
            stranger_text=texts.talk.STRANGER,
            stranger_place_text=texts.talk.STRANGER_PLACE,
            prompts=texts.home.PROMPTS,
            prompts_title=texts.home.PROMPTS_TITLE,
            signing_secret=_plain(settings.slack_signing_secret),
            allowed_users=frozenset(settings.slack_allowed_users),
            allowed_channels=frozenset(settings.slack_allowed_channels),
            allowed_teams=frozenset(settings.slack_allowed_teams),
        )
        return Connected(
            platforms={platform.name: platform},
            receivers={platform.name: receiver},
            webhooks={} if settings.slack_app_token else {"/slack/events": receiver.handle},
            read_back={platform.name: receiver.read_back},
        )

    def slack_connection(self) -> SlackConnection:
        """The app in its workspace."""
        from adapters.slack import SlackConnection

        settings = self._settings
        return self._kept(
            SlackConnection(
                bot_token=_plain(settings.slack_bot_token),
                app_token=_plain(settings.slack_app_token),
                api_url=settings.slack_api_url,
                loopback_only=settings.loopback_only,
            )
        )

    # --- dialogue models -------------------------------------------------------------------------------------------

    def dialogue_models(self) -> tuple[DialogueModel, DialogueModel]:
        """The first one and the fallback."""
        from adapters.rules import RulesDialogueModel

        rules = RulesDialogueModel()
        return (self._gemini() if self._settings.dialogue_model == "gemini" else rules), rules

    def _gemini(self) -> DialogueModel:
        from adapters.gemini import GeminiDialogueModel

        settings = self._settings
        return self._kept(
            GeminiDialogueModel(
                api_key=_plain(self._settings.gemini_api_key),
                catalogue=self._catalogue,
                clock=self._clock,
                base_url=settings.google_gemini_base_url or None,
                reading_model=settings.dialogue_read_model,
                writing_model=settings.dialogue_write_model,
                read_timeout_s=settings.dialogue_timeout_s,
                write_timeout_s=WRITE_TIMEOUT_S,
                loopback_only=settings.loopback_only,
            )
        )

    # --- video providers -------------------------------------------------------------------------------------------

    def providers(self, clips: ClipStore) -> dict[str, VideoProvider]:
        """Every provider on offer, the preferred one first; what joins clips of this store is on every installation."""
        makers: dict[str, Callable[[], VideoProvider]] = {
            "veo": self.veo,
            "omni": self.omni,
            "animatic": self._animatic,
        }
        made = {name: makers[name]() for name in self._settings.video_providers}
        return made | {CUTTER: self._cutter(clips)}

    def veo(self) -> VeoVideoProvider:
        """Veo on Google Cloud."""
        from adapters.veo import VeoVideoProvider

        settings = self._settings
        return self._kept(
            VeoVideoProvider(
                project=settings.google_cloud_project,
                location=settings.google_cloud_location,
                credentials_file=settings.google_application_credentials,
                base_url=settings.google_vertex_base_url or None,
                output_uri=settings.veo_output_uri or None,
                storage_host=settings.storage_emulator_host or None,
                timeout_s=settings.order_timeout_s,
                loopback_only=settings.loopback_only,
            )
        )

    def omni(self) -> OmniVideoProvider:
        """Gemini Omni."""
        from adapters.omni import OmniVideoProvider

        settings = self._settings
        return self._kept(
            OmniVideoProvider(
                api_key=_plain(self._settings.gemini_api_key),
                base_url=settings.google_gemini_base_url or None,
                timeout_s=settings.order_timeout_s,
                loopback_only=settings.loopback_only,
            )
        )

    def _animatic(self) -> VideoProvider:
        from adapters.animatic import AnimaticVideoProvider

        return AnimaticVideoProvider(self._settings.data_dir.absolute() / "animatic")

    def _cutter(self, clips: ClipStore) -> VideoProvider:
        from adapters.cutting import CuttingVideoProvider

        return CuttingVideoProvider(self._settings.data_dir.absolute() / CUTTER, clips)

    def service_webhooks(self) -> dict[str, ServiceWebhook]:
        """What video services post to, by path. Raises PermanentError for a secret that is none."""
        secret = self._settings.gemini_webhook_secret
        if secret is None:
            return {}
        from adapters.gemini_webhook import GeminiWebhook

        return {"/gemini/webhook": GeminiWebhook(secret.get_secret_value()).handle}

    def media(self) -> Media:
        """What measures and converts clips."""
        from adapters.pyav import PyAVMedia

        return PyAVMedia()

    def announcer(self) -> WebhookAnnouncer:
        """Who is told outside."""
        from adapters.webhooks import WebhookAnnouncer

        settings = self._settings
        return self._kept(
            WebhookAnnouncer(
                url=_plain(settings.webhook_url),
                secret=_plain(settings.webhook_secret),
                clock=self._clock,
                timeout_s=settings.webhook_timeout_s,
                allow_private=settings.webhook_allow_private,
                loopback_only=settings.loopback_only,
            )
        )


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
