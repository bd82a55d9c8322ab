"""The shell's tables: what was heard, what goes out, what is on people's screens."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Boolean, Float, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm.kernel.db import Base, Moment, SealedBytes, SealedText, by_value

BIG_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER keys only


class HeardState(StrEnum):
    NEW = "new"
    DONE = "done"
    FAILED = "failed"  # our bug: kept, counted, listed, replayed by an admin


class Heard(Base):
    """The inbox: each message and click, stored before it is acknowledged, handled once."""

    __tablename__ = "heard"
    __table_args__ = (
        UniqueConstraint("platform", "app", "key"),
        Index("ix_heard_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    platform: Mapped[str] = mapped_column(String(16))
    app: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(128))  # the platform's id of the message or click
    body: Mapped[bytes] = mapped_column(SealedBytes("heard.body"))  # what the adapter read, JSON
    at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[HeardState] = mapped_column(by_value(HeardState))
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    attempts: Mapped[int] = mapped_column(Integer, default=0)


class OutState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"  # found so at start: it may have been shown
    SENT = "sent"
    SUPERSEDED = "superseded"  # a newer version of the same card goes instead
    DROPPED = "dropped"  # its reader lost access while it waited
    HELD = "held"  # after a restore: shown to the admin, not sent
    DEAD = "dead"  # given up; kept, counted, listed, replayed by an admin


class Out(Base):
    """The outbox: written with the command, delivered after it."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_state_id", "state", "id"),)

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)  # idempotency key
    lane: Mapped[str] = mapped_column(String(200))  # delivered in order within a lane
    priority: Mapped[int] = mapped_column(Integer)
    platform: Mapped[str] = mapped_column(String(16))
    item: Mapped[str] = mapped_column(SealedText("outbox.item"))  # an Outgoing as JSON
    card: Mapped[str | None] = mapped_column(String(64), index=True)
    why: Mapped[str] = mapped_column(String(64))  # the verb, click or job that put it out
    trace: Mapped[str] = mapped_column(String(40))
    state: Mapped[OutState] = mapped_column(by_value(OutState))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    again: Mapped[bool] = mapped_column(Boolean, default=False)
    holder: Mapped[str | None] = mapped_column(String(12))  # the process that is sending it
    not_before: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class Delivery(Base):
    """The ledger: one row for each try to send, with what the platform said."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_out", "out_id"), Index("ix_delivery_at", "at"))

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    out_id: Mapped[int] = mapped_column(BIG_ID)
    platform: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(Moment)
    outcome: Mapped[str] = mapped_column(String(16))  # sent, retry, refused, unknown, answered
    code: Mapped[str] = mapped_column(String(128), default="")
    platform_id: Mapped[str] = mapped_column(String(128), default="")


class LiveCard(Base):
    """A card on somebody's screen: its newest version, and what it is about."""

    __tablename__ = "card"
    __table_args__ = (Index("ix_card_subject", "subject"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64))  # e.g. interaction:5; "" for none
    receiver: Mapped[str] = mapped_column(String(64))  # staff id who may click; "" in a group
    drawn_for: Mapped[str] = mapped_column(String(64))  # staff id whose rights it shows
    platform: Mapped[str] = mapped_column(String(16))
    place: Mapped[str] = mapped_column(String(16))
    chat: Mapped[str] = mapped_column(String(128))
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[str] = mapped_column(SealedText("card.content"))  # the Card as JSON
    at: Mapped[datetime] = mapped_column(Moment)


class Conversation(Base):
    """One person in one chat: the client in focus and the question that waits for an answer."""

    __tablename__ = "conversation"

    platform: Mapped[str] = mapped_column(String(16), primary_key=True)
    chat: Mapped[str] = mapped_column(String(128), primary_key=True)
    staff: Mapped[str] = mapped_column(String(64), primary_key=True)
    focus: Mapped[int | None] = mapped_column(Integer)  # client id
    focus_at: Mapped[datetime | None] = mapped_column(Moment)  # when it was last meant
    asked: Mapped[str | None] = mapped_column(String(64))  # the card that asks
    options: Mapped[list[str] | None] = mapped_column(JSON)  # actions for the answers 1, 2, 3 …
    text_action: Mapped[str] = mapped_column(String(64), default="")
    asked_at: Mapped[datetime | None] = mapped_column(Moment)


class Bucket(Base):
    """What is left of a rate limit, so that a restart does not begin with full buckets."""

    __tablename__ = "bucket"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    tokens: Mapped[float] = mapped_column(Float)
    at: Mapped[datetime] = mapped_column(Moment)


class Meter(Base):
    """Calls a month against the platform's quota pools."""

    __tablename__ = "meter"

    platform: Mapped[str] = mapped_column(String(16), primary_key=True)
    pool: Mapped[str] = mapped_column(String(32), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)  # 2026-11, Shanghai
    count: Mapped[int] = mapped_column(BigInteger)


class ApiToken(Base):
    """A token of a machine user; only its hash is kept."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(BIG_ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # sha256
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class WeComNote(Base):
    """What WeCom gave us for later, e.g. the single-use code that updates a card."""

    __tablename__ = "wecom_note"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    owner: Mapped[str] = mapped_column(String(128), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # of the value, sealed
    value: Mapped[str] = mapped_column(SealedText("wecom_note.value"))
    at: Mapped[datetime] = mapped_column(Moment)
    until: Mapped[datetime] = mapped_column(Moment, index=True)


class PageSession(Base):
    """Somebody is signed in to our pages by an account on a platform; only a hash is kept."""

    __tablename__ = "page_session"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff: Mapped[str] = mapped_column(String(64))
    platform: Mapped[str] = mapped_column(String(16))
    user: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(Moment)
    until: Mapped[datetime] = mapped_column(Moment, index=True)
