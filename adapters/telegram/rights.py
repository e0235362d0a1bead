"""Whether a clip could be posted in a chat: what the bot is there and what it may do."""

from __future__ import annotations

from telegram import Bot, ChatMemberRestricted
from telegram.constants import ChatAction, ChatMemberStatus

from adapters.telegram.transport import BotApiError
from core.ports import Obstacle


async def obstacle_in(bot: Bot, chat: int, bot_id: int) -> Obstacle | None:
    """What would keep the bot from posting a video in the chat. Raises TelegramError."""
    try:
        if chat > 0:
            # Nothing tells that somebody has blocked the bot but a call that is meant for them.
            await bot.send_chat_action(chat, ChatAction.TYPING)
            return None
        return await _in_group(bot, chat, bot_id)
    except BotApiError as error:
        if error.status == 403:
            return Obstacle.BLOCKED if chat > 0 else Obstacle.NOT_MEMBER
        if error.status == 400 and "chat not found" in error.description.lower():
            return Obstacle.NOT_MEMBER
        raise


async def _in_group(bot: Bot, chat: int, bot_id: int) -> Obstacle | None:
    member = await bot.get_chat_member(chat, bot_id)
    if member.status in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED):
        return Obstacle.NOT_MEMBER
    if isinstance(member, ChatMemberRestricted):
        if not member.is_member:
            return Obstacle.NOT_MEMBER
        return _missing(member.can_send_messages, member.can_send_videos)
    if member.status != ChatMemberStatus.MEMBER:
        return None
    everybody = (await bot.get_chat(chat)).permissions
    return _missing(everybody.can_send_messages, everybody.can_send_videos) if everybody is not None else None


def _missing(messages: bool | None, videos: bool | None) -> Obstacle | None:
    if messages is False:
        return Obstacle.NO_RIGHT_TO_POST
    return Obstacle.NO_RIGHT_TO_SEND_VIDEO if videos is False else None
