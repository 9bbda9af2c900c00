"""What the package raises."""


class ProgramError(Exception):
    """A program or its data was refused: with a stable code, the cause, and what to do next."""

    def __init__(self, code: str, cause: str, hint: str) -> None:
        super().__init__(f"{cause}\n  hint: {hint} [{code}]")
        self.code = code
        self.cause = cause
        self.hint = hint


class ClientError(Exception):
    """A server, or a check of this client, refused; or a server cannot be reached."""

    def __init__(self, code: str, cause: str) -> None:
        super().__init__(f"{cause} [{code}]")
        self.code = code
        self.cause = cause
