"""Files as the app sends and fetches them: a place to upload to, the upload, its completion, the download."""

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from tests.emulators.slack_blocks import check_blocks
from tests.emulators.slack_messages import SlackFile
from tests.emulators.slack_schema import SlackError

if TYPE_CHECKING:
    from tests.emulators.slack_channel import SlackChannel
    from tests.emulators.slack_state import ServerState

Params = dict[str, Any]

CHUNK = 1 << 18
SIGN_IN_PAGE = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"


async def get_upload_url(state: "ServerState", params: Params) -> dict[str, Any]:
    """files.getUploadURLExternal"""
    if params["length"] <= 0:
        raise SlackError("invalid_arguments", ("[ERROR] must be greater than 0 [json-pointer:/length]",))
    if params["length"] > state.limits.upload:
        raise SlackError("file_upload_size_restricted")
    file = state.files.announce(
        state.new_id("F"), name=params["filename"], size=params["length"], user=state.bot, server=state.url
    )
    ticket = f"{state.random.randrange(16**32):032x}"
    state.files.tickets[ticket] = file
    return {"upload_url": f"{state.url}/upload/v1/{ticket}", "file_id": file.id}


async def take_upload(state: "ServerState", request: web.Request, ticket: str) -> web.Response:
    """The bytes of a file. The address is good for one request, whatever becomes of that."""
    file = state.files.tickets.pop(ticket, None)
    if file is None:
        return web.Response(status=404, text="no upload is expected here")
    size = 0
    with file.path.open("wb") as target:
        if request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                if isinstance(part, BodyPartReader) and (part.filename or part.name in ("file", "filename")):
                    while chunk := await part.read_chunk(CHUNK):
                        size += len(chunk)
                        target.write(chunk)
        else:
            async for chunk in request.content.iter_chunked(CHUNK):
                size += len(chunk)
                if size <= file.size:
                    target.write(chunk)
    if size != file.size:
        file.path.unlink()
        return web.Response(status=400, text=f"expected {file.size} bytes and got {size}")
    file.uploaded = True
    return web.Response(text=f"OK - {size}")


async def complete_upload(state: "ServerState", params: Params) -> dict[str, Any]:
    """files.completeUploadExternal. Done twice it shares twice, which is the worst that Slack may do; and what was
    shared is seen only later, if the emulator is told so."""
    if not params["files"]:
        raise SlackError("invalid_arguments", ("[ERROR] no less than 1 items allowed [json-pointer:/files]",))
    channels, blocks = _where(state, params), _blocks(state, params)
    files = []
    for one in params["files"]:
        file = state.files.get(one["id"])
        if file is None or file.user != state.bot or file.deleted or not file.uploaded:
            raise SlackError("file_not_found")
        files.append(file)
    for file, one in zip(files, params["files"], strict=True):
        file.title = one.get("title", file.title or file.name)
        file.completed = True
    answer = {"files": [file.to_api({}) | {"shares": {}} for file in files]}
    for channel in channels:
        share = _share(state, channel, files, params, blocks)
        if state.limits.share_delay:
            state.delivery.start(share)
        else:
            await share
    return answer


async def file_info(state: "ServerState", params: Params) -> dict[str, Any]:
    """files.info"""
    file = _readable(state, params["file"])
    names = {channel.id: channel.name for channel in state.channels.values()}
    paging = {"count": 100, "total": 0, "page": 1, "pages": 0}
    return {"file": file.to_api(names), "comments": [], "paging": paging, "response_metadata": {"next_cursor": ""}}


async def delete_file(state: "ServerState", params: Params) -> dict[str, Any]:
    """files.delete: messages keep their text and lose the file."""
    file = state.files.visible(params["file"])
    if file.user != state.bot:
        raise SlackError("cant_delete_file")
    file.deleted = True
    file.path.unlink(missing_ok=True)
    for channel in state.channels.values():
        for message in channel.messages:
            if file in message.files:
                message.files.remove(file)
                message.changed = state.changed()
                if not message.files and not message.text and not message.blocks:
                    channel.remove(message)
    state.changed()
    return {}


async def download(state: "ServerState", file_id: str, token: str, app_token: str) -> web.StreamResponse:
    """A file's bytes; without the token, or without files:read, a page with status 200 that asks to sign in."""
    if token != app_token or "files:read" not in state.limits.scopes:
        return web.Response(text=SIGN_IN_PAGE, content_type="text/html")
    try:
        file = _readable(state, file_id)
    except SlackError:
        return web.Response(status=404, text="file not found")
    return web.FileResponse(file.path, headers={"Content-Type": file.mimetype})


def _readable(state: "ServerState", file_id: str) -> SlackFile:
    """A file that the bot may see: its own, or shared where it is a member. Raises SlackError."""
    file = state.files.visible(file_id)
    if file.user != state.bot and not any(state.channels[share[1]].bot_is_member for share in file.shares):
        raise SlackError("file_not_found")
    return file


def _where(state: "ServerState", params: Params) -> list["SlackChannel"]:
    """Where the files are shared, and may be. Raises SlackError."""
    if "channel_id" in params:
        wanted = [params["channel_id"]]
    else:
        wanted = [one.strip() for one in params.get("channels", "").split(",") if one.strip()]
    channels = [state.channel(one) for one in wanted]
    for channel in channels:
        channel.check_writable()
        channel.check_member()
    if params.get("thread_ts"):
        if len(channels) != 1:
            raise SlackError("invalid_arguments", ("[ERROR] thread_ts needs one channel",))
        root = channels[0].root_of(params["thread_ts"])
        if root.ts != params["thread_ts"]:
            raise SlackError("invalid_arguments", ("[ERROR] thread_ts is a reply's [json-pointer:/thread_ts]",))
    return channels


def _blocks(state: "ServerState", params: Params) -> list[dict[str, Any]] | None:
    """The message's blocks, which initial_comment overrules. Raises SlackError."""
    blocks: list[dict[str, Any]] | None = params.get("blocks")
    if not blocks:
        return None
    if not state.limits.file_blocks:
        raise SlackError("invalid_blocks")
    check_blocks(blocks, surface="message")
    if any(block["type"] == "markdown" for block in blocks):
        # Seen on the real service in September 2026, for this block in this method only.
        raise SlackError("internal_error")
    return None if params.get("initial_comment") else blocks


async def _share(
    state: "ServerState",
    channel: "SlackChannel",
    files: list[SlackFile],
    params: Params,
    blocks: list[dict[str, Any]] | None,
) -> None:
    if state.limits.share_delay:
        await asyncio.sleep(state.limits.share_delay)
    there = [file for file in files if not file.deleted]
    if not there:
        return
    channel.add(
        state.bot,
        text=params.get("initial_comment", ""),
        blocks=blocks,
        files=there,
        thread_ts=params.get("thread_ts", ""),
    )
