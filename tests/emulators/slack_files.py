"""Files on the emulated Slack: kept in a folder, never in memory."""

import mimetypes
from pathlib import Path
from urllib.parse import quote

from tests.emulators.slack_messages import SlackFile, SlackUser
from tests.emulators.slack_schema import SlackError


class FileStore:
    """All files of one emulator, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, SlackFile] = {}
        self.tickets: dict[str, SlackFile] = {}
        """files by the key of the upload address at which their bytes are expected"""

    def announce(self, file_id: str, *, name: str, size: int, user: SlackUser, server: str) -> SlackFile:
        """A file that is still to be uploaded, under this id.

        size: bytes
        server: the server's address, from which it can be fetched later
        """
        path = self._folder / file_id
        mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
        url = f"{server}/files-pri/{user.team_id}-{file_id}/download/{quote(name.lower())}"
        file = SlackFile(id=file_id, name=name, mimetype=mimetype, size=size, user=user, path=path, url=url)
        self._files[file_id] = file
        return file

    def keep(self, file: SlackFile, content: bytes, mimetype: str) -> None:
        """A person's app uploads the announced file; it is there at once."""
        file.path.write_bytes(content)
        file.mimetype = mimetype
        file.uploaded = file.completed = True

    def get(self, file_id: str) -> SlackFile | None:
        """The file with this id, whatever its state."""
        return self._files.get(file_id)

    def visible(self, file_id: str) -> SlackFile:
        """A file that exists for the bot. Raises SlackError file_not_found, file_deleted."""
        file = self._files.get(file_id)
        if file is None or not file.completed:
            raise SlackError("file_not_found")
        if file.deleted:
            raise SlackError("file_deleted")
        return file
