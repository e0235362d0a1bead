"""The errors the emulated Bot API answers with. Each becomes `{"ok": false, "error_code", "description"}`."""


class ApiError(Exception):
    """A call that is answered with an error; `retry_after` in seconds goes into `parameters`."""

    def __init__(self, code: int, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


def bad_request(description: str) -> ApiError:
    """400 in the server's wording."""
    return ApiError(400, f"Bad Request: {description}")


def forbidden(description: str) -> ApiError:
    """403 in the server's wording."""
    return ApiError(403, f"Forbidden: {description}")


def conflict(description: str) -> ApiError:
    """409 in the server's wording."""
    return ApiError(409, f"Conflict: {description}")
