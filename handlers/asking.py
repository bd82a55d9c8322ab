"""Questions back to the person."""

from bot.chat.message import Card
from bot.chat.reply import Question
from bot.conversation import ANSWER_WITHIN
from bot.router import OldCard, Turn
from crm.kernel.errors import UserError


class QuestionExpired(UserError):
    say = "这个问题已过期，请重新发送"


def asked_card(turn: Turn) -> Card:
    """The question that a click answers. Raises OldCard, or QuestionExpired after ten minutes."""
    if turn.card is None or turn.card_at is None:
        raise OldCard
    if turn.at - turn.card_at > ANSWER_WITHIN:
        raise QuestionExpired
    return turn.card


def answer_text(turn: Turn) -> str:
    """What was written as the answer to a question; "" when a button was pressed."""
    said = turn.click.inputs.get("text", "") if turn.click else ""
    return said.strip() if isinstance(said, str) else ""


def list_stays_open(turn: Turn, action: str) -> Question | None:
    """The question of a list of ``action``s again, so that its other numbers still answer it."""
    picks = [option.partition(":")[0] == action for option in turn.listed]
    return Question(options=turn.listed) if picks and all(picks) else None
