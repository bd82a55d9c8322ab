"""The tables of applications. Personal numbers, words and file names are sealed."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from approvals.flow import State
from crm.kernel.db import Base, Moment, SealedText, by_value


class FlowVersion(Base):
    """A flow as it was when cases began with it; the newest is in force."""

    __tablename__ = "flow_version"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    body: Mapped[str] = mapped_column(Text)  # JSON
    source: Mapped[str] = mapped_column(String(64))  # "shipped", or who changed it
    at: Mapped[datetime] = mapped_column(Moment)


class Application(Base):
    __tablename__ = "application"
    __table_args__ = (
        Index("ix_application_owner_state", "owner", "state"),
        Index("ix_application_state_touched", "state", "touched_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    flow: Mapped[str] = mapped_column(String(32))
    flow_version: Mapped[int] = mapped_column(Integer)  # pinned
    name: Mapped[str] = mapped_column(String(128), index=True)  # the client's
    papers: Mapped[str] = mapped_column(String(16))  # person, company
    applicant: Mapped[str] = mapped_column(ForeignKey("staff.id"))  # who began it
    owner: Mapped[str] = mapped_column(ForeignKey("staff.id"))  # who looks after it now
    branch: Mapped[str | None] = mapped_column(ForeignKey("branch.code"))
    state: Mapped[State] = mapped_column(by_value(State))
    step: Mapped[str] = mapped_column(String(32), default="")
    round: Mapped[int] = mapped_column(Integer, default=1)
    version: Mapped[int] = mapped_column(Integer, default=1)
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"))  # opened by it
    created_at: Mapped[datetime] = mapped_column(Moment)
    touched_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    keep_until: Mapped[date | None] = mapped_column(Date)


class ApplicationField(Base):
    """A number that was given; a later one of its kind takes its place and leaves it here."""

    __tablename__ = "application_field"
    __table_args__ = (Index("ix_application_field_whole", "kind", "whole"),)

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[str] = mapped_column(SealedText("application_field.value"))
    whole: Mapped[bytes] = mapped_column(LargeBinary(32))  # blind index
    by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(Moment)


class ApplicationFile(Base):
    """A paper as it was sent, never overwritten; ``kind`` is "" for one that was set aside."""

    __tablename__ = "application_file"

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    blob: Mapped[str] = mapped_column(ForeignKey("blob.name"))  # sha256 of the content
    name: Mapped[str] = mapped_column(SealedText("application_file.name"))
    width: Mapped[int] = mapped_column(Integer, default=0)  # pixels; 0 for a document
    height: Mapped[int] = mapped_column(Integer, default=0)
    size: Mapped[int] = mapped_column(Integer)
    by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(Moment)


class Stage(Base):
    """One step of one round, from its begin to the verdict that ends it."""

    __tablename__ = "application_stage"
    __table_args__ = (
        Index("ix_application_stage_application", "application_id"),
        Index("ix_application_stage_chase", "ended_at", "chase_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    round: Mapped[int] = mapped_column(Integer)
    step: Mapped[str] = mapped_column(String(32))
    began_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    chased: Mapped[int] = mapped_column(Integer, default=0)  # reminders and escalations so far
    chase_at: Mapped[datetime | None] = mapped_column(Moment)  # when the next one is due
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    outcome: Mapped[str] = mapped_column(String(16), default="")  # a verdict, or "withdrawn"


class SeatKind(StrEnum):
    ROLE = "role"
    DEPUTY = "deputy"
    ESCALATED = "escalated"
    HANDED = "handed"  # 转交
    COSIGNER = "cosigner"  # 加签
    COSIGNS_FOR = "cosigns_for"  # 加签 in the place of a cosigner who is away


COSIGNING = frozenset({SeatKind.COSIGNER, SeatKind.COSIGNS_FOR})
DECIDING = frozenset(SeatKind) - COSIGNING
STANDS_FOR = {  # whose seats the deputies of each kind sit in for
    SeatKind.DEPUTY: DECIDING,
    SeatKind.COSIGNS_FOR: frozenset({SeatKind.COSIGNER}),
}


class SeatState(StrEnum):
    WAITING = "waiting"
    DECIDED = "decided"
    CLOSED = "closed"  # somebody else decided, or it was handed on


class Seat(Base):
    """Somebody whose word a stage waits for, or waited for."""

    __tablename__ = "application_seat"
    __table_args__ = (Index("ix_application_seat_staff_state", "staff", "state"),)

    stage_id: Mapped[int] = mapped_column(ForeignKey("application_stage.id"), primary_key=True)
    staff: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    kind: Mapped[SeatKind] = mapped_column(by_value(SeatKind))
    state: Mapped[SeatState] = mapped_column(by_value(SeatState))
    at: Mapped[datetime] = mapped_column(Moment)


class Deed(StrEnum):
    STARTED = "started"
    FILLED = "filled"
    ATTACHED = "attached"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    COSIGNED = "cosigned"
    REJECTED = "rejected"
    RETURNED = "returned"
    HANDED = "handed"
    ASKED_COSIGN = "asked_cosign"
    WITHDRAWN = "withdrawn"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    MOVED = "moved"  # to another owner
    OPENED = "opened"  # the client's file


class ApplicationEvent(Base):
    """What was done, by whom, and what he saw when he did: rows are added, never changed."""

    __tablename__ = "application_event"

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    actor: Mapped[str] = mapped_column(String(64))  # a staff id, or "system"
    deed: Mapped[Deed] = mapped_column(by_value(Deed))
    round: Mapped[int] = mapped_column(Integer)
    step: Mapped[str] = mapped_column(String(32))
    # Handed to, asked, reminded, or stood in for.
    whom: Mapped[str] = mapped_column(String(64), default="")
    comment: Mapped[str] = mapped_column(SealedText("application_event.comment"))
    seen: Mapped[str] = mapped_column(String(64), default="")  # sha256 of the card that was shown
    shown: Mapped[str | None] = mapped_column(SealedText("application_event.shown"))  # that card
    card: Mapped[str] = mapped_column(String(64), default="")
    card_version: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer)  # of the application afterwards
