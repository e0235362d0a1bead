"""The smallest honest Telegram bot: it says back what it is told.

Stock python-telegram-bot, its `Application` behind a webhook on Starlette and uvicorn, the way its own documentation
shows a bot in a web server. It keeps nothing and asks nobody.
"""

from __future__ import annotations

import asyncio
import logging
import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

logging.basicConfig(format="%(asctime)s - %(name)s - %(levelname)s - %(message)s", level=logging.INFO)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log the token


async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Say it back."""
    if update.message is not None and update.message.text is not None:
        await update.message.reply_text(update.message.text)


async def main() -> None:
    """Listen until it is ended."""
    server, port = os.environ["TELEGRAM_API_URL"], int(os.environ["HTTP_PORT"])
    application = (
        Application.builder().token(os.environ["TELEGRAM_BOT_TOKEN"]).base_url(f"{server}/bot").updater(None).build()
    )
    application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, echo))

    async def telegram(request: Request) -> Response:
        await application.update_queue.put(Update.de_json(data=await request.json(), bot=application.bot))
        return Response()

    web = Starlette(routes=[Route("/telegram", telegram, methods=["POST"])])
    listening = uvicorn.Server(uvicorn.Config(web, host="127.0.0.1", port=port, use_colors=False))
    async with application:
        await application.bot.set_webhook(f"http://127.0.0.1:{port}/telegram", allowed_updates=Update.ALL_TYPES)
        await application.start()
        await listening.serve()
        await application.stop()


if __name__ == "__main__":
    asyncio.run(main())
