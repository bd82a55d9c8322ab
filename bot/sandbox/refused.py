"""What a person in front of the sandbox asked and cannot have."""

from crm.kernel.errors import UserError


class Refused(UserError):
    """``why`` is one Chinese sentence; ``status`` the HTTP status that carries it."""

    say = "{why}"

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why=why)
        self.status = status


class NobodyListens(Refused):
    """No live connection from the service: nothing was taken."""

    def __init__(self) -> None:
        super().__init__("期台没有连上平台，消息没有发出", status=503)
