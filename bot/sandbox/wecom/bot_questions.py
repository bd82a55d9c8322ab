"""What an aibot was told and may still answer, and its streams."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.ground import Ground
from bot.sandbox.screens import PRIVATE
from bot.sandbox.wecom.company import AiBot

SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_question (
  request TEXT PRIMARY KEY, bot TEXT NOT NULL, chat TEXT NOT NULL, person TEXT NOT NULL,
  message TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS wecom_stream (
  bot TEXT, id TEXT, request TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  finished INTEGER NOT NULL, PRIMARY KEY (bot, id)
);
CREATE TABLE IF NOT EXISTS wecom_active (bot TEXT, chat TEXT, PRIMARY KEY (bot, chat));
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A message that came under a req_id; ``at`` in Unix milliseconds."""

    chat: str
    person: str
    message: str
    at: int


@dataclass(frozen=True, slots=True)
class Stream:
    request: str
    seq: int
    at: int
    finished: bool


class Questions:
    def __init__(self, ground: Ground) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground

    def keep(self, request_id: str, bot: AiBot, question: Question) -> None:
        self._ground.disk.run(
            "INSERT INTO wecom_question VALUES (?, ?, ?, ?, ?, ?)",
            request_id,
            bot.bot_id,
            question.chat,
            question.person,
            question.message,
            question.at,
        )

    def find(self, request_id: str, bot: AiBot) -> Question | None:
        row = self._ground.disk.row(
            "SELECT * FROM wecom_question WHERE request = ? AND bot = ?", request_id, bot.bot_id
        )
        return Question(row["chat"], row["person"], row["message"], row["at"]) if row else None

    def activate(self, bot: AiBot, chat: str, person: str) -> None:
        """Somebody has spoken to the robot there."""
        sql = "INSERT OR IGNORE INTO wecom_active VALUES (?, ?)"
        self._ground.disk.run(sql, bot.bot_id, person if chat == PRIVATE else chat)

    def is_active(self, bot: AiBot, chat: str) -> bool:
        """``chat`` is a group's id or a person's."""
        sql = "SELECT 1 FROM wecom_active WHERE bot = ? AND chat = ?"
        return self._ground.disk.row(sql, bot.bot_id, chat) is not None

    def stream(self, bot: AiBot, id_: str) -> Stream | None:
        row = self._ground.disk.row(
            "SELECT * FROM wecom_stream WHERE bot = ? AND id = ?", bot.bot_id, id_
        )
        if row is None:
            return None
        return Stream(row["request"], row["seq"], row["at"], bool(row["finished"]))

    def begin_stream(self, bot: AiBot, id_: str, request_id: str, seq: int) -> None:
        values: tuple[Any, ...] = (bot.bot_id, id_, request_id, seq, self._ground.clock.millis())
        self._ground.disk.run("INSERT INTO wecom_stream VALUES (?, ?, ?, ?, ?, 0)", *values)

    def finish_stream(self, bot: AiBot, id_: str) -> None:
        sql = "UPDATE wecom_stream SET finished = 1 WHERE bot = ? AND id = ?"
        self._ground.disk.run(sql, bot.bot_id, id_)
