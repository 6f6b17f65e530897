"""One base error with a status and a plain Chinese message, and its few named children."""

from __future__ import annotations


class ZhibiaoError(Exception):
    """An error that a person may read.

    ``message`` is one Chinese sentence that says what is wrong and what to do;
    ``field`` names the input it is about; ``code`` is stable for programs.
    """

    status = 500
    code = "internal"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def as_json(self) -> dict[str, dict[str, str]]:
        """The one error shape of the API."""
        error = {"code": self.code, "message": self.message}
        if self.field:
            error["field"] = self.field
        return {"error": error}


class BadInput(ZhibiaoError):
    """The caller's input cannot be used."""

    status = 400
    code = "bad_input"


class NotSignedIn(ZhibiaoError):
    """The resource needs a signed-in person."""

    status = 401
    code = "not_signed_in"


class Forbidden(ZhibiaoError):
    """The signed-in person may not do this."""

    status = 403
    code = "forbidden"


class NotFound(ZhibiaoError):
    """No such record, or none that this person may see: the two are not told apart."""

    status = 404
    code = "not_found"


class Conflict(ZhibiaoError):
    """The record changed, or exists already."""

    status = 409
    code = "conflict"


class TooLarge(ZhibiaoError):
    """The input is larger than the service takes."""

    status = 413
    code = "too_large"


class Unreadable(ZhibiaoError):
    """A file cannot be read as what it claims to be."""

    status = 422
    code = "unreadable"


class NotReady(ZhibiaoError):
    """The data folder or the index is missing or damaged; the message names the command that mends it."""

    status = 503
    code = "not_ready"
