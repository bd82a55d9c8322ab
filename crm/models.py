"""The tables of the client file. Rows have columns and relations, no behaviour.

``keep_until`` is the last day on which the law or the broker's rule wants a row kept; the archive
job takes it from there. Personal data live in ``personal``, one sealed value a row.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.kernel.db import Base, Moment, SealedBytes, SealedText, by_value


class Role(StrEnum):
    MANAGER = "manager"  # 客户经理
    HEAD = "head"  # 营业部负责人
    SUITABILITY = "suitability"  # 适当性岗
    COMPLIANCE = "compliance"  # 合规岗
    OPENING_DESK = "opening_desk"  # 开户岗
    RISK = "risk"  # 风控
    RISK_HEAD = "risk_head"  # 风控负责人
    SYSTEM_ADMIN = "system_admin"  # 系统管理员
    SECURITY_ADMIN = "security_admin"  # 安全管理员
    AUDIT_ADMIN = "audit_admin"  # 审计管理员


class Branch(Base):
    """营业部"""

    __tablename__ = "branch"

    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)


class Staff(Base):
    __tablename__ = "staff"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    branch: Mapped[str | None] = mapped_column(ForeignKey("branch.code"))
    disabled_at: Mapped[datetime | None] = mapped_column(Moment)
    deputy: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(Moment)

    roles: Mapped[list["StaffRole"]] = relationship(lazy="raise", cascade="all, delete-orphan")
    logins: Mapped[list["Login"]] = relationship(lazy="raise", cascade="all, delete-orphan")


class StaffRole(Base):
    __tablename__ = "staff_role"

    staff: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(by_value(Role), primary_key=True)


class Login(Base):
    """A person's user id on a platform; the platform vouches for it."""

    __tablename__ = "login"

    platform: Mapped[str] = mapped_column(String(16), primary_key=True)
    user: Mapped[str] = mapped_column(String(128), primary_key=True)
    staff: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)


class BindCode(Base):
    """A person's way to bring an account on another platform: asked for where he is known, said
    where he is not. Only its blind index is kept; a new one takes the place of the last."""

    __tablename__ = "bind_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff: Mapped[str] = mapped_column(ForeignKey("staff.id"), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    until: Mapped[datetime] = mapped_column(Moment)
    platform: Mapped[str | None] = mapped_column(String(16))  # who used it; nobody yet
    user: Mapped[str | None] = mapped_column(String(128))


class BindTry(Base):
    """Wrong codes of one account, forgotten ``until`` nothing more was tried for a while."""

    __tablename__ = "bind_try"

    platform: Mapped[str] = mapped_column(String(16), primary_key=True)
    user: Mapped[str] = mapped_column(String(128), primary_key=True)
    wrong: Mapped[int] = mapped_column(Integer)
    until: Mapped[datetime] = mapped_column(Moment)


class ClientKind(StrEnum):
    PERSON = "person"
    COMPANY = "company"
    PRODUCT = "product"  # 资管产品


class ClientStatus(StrEnum):
    ACTIVE = "active"
    DORMANT = "dormant"  # 休眠
    RESTRICTED = "restricted"  # 限制
    CLOSED = "closed"  # 销户


class Client(Base):
    __tablename__ = "client"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), index=True)
    kind: Mapped[ClientKind] = mapped_column(by_value(ClientKind), default=ClientKind.PERSON)
    branch: Mapped[str | None] = mapped_column(ForeignKey("branch.code"), index=True)
    owner: Mapped[str | None] = mapped_column(ForeignKey("staff.id"), index=True)
    tier: Mapped[str] = mapped_column(String(8), default="")  # A B C, the broker's own
    status: Mapped[ClientStatus] = mapped_column(
        by_value(ClientStatus), default=ClientStatus.ACTIVE
    )
    risk_level: Mapped[str] = mapped_column(String(8), default="")  # C1–C5
    opened_on: Mapped[date | None] = mapped_column(Date)
    referrer: Mapped[str] = mapped_column(String(64), default="")  # 居间人
    remark: Mapped[str] = mapped_column(SealedText("client.remark"), default="")
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(Integer, default=1)
    keep_until: Mapped[date | None] = mapped_column(Date)  # set when closed: 20 years

    accounts: Mapped[list["FundAccount"]] = relationship(
        lazy="raise", order_by="FundAccount.account", cascade="all, delete-orphan"
    )
    permissions: Mapped[list["Permission"]] = relationship(
        lazy="raise", order_by="Permission.position", cascade="all, delete-orphan"
    )
    tags: Mapped[list["ClientTag"]] = relationship(lazy="raise", cascade="all, delete-orphan")


class FundAccount(Base):
    """资金账号; a client may have several, in several currencies."""

    __tablename__ = "fund_account"

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), index=True)
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    opened_on: Mapped[date | None] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date)


class Permission(Base):
    """What a client may trade: 商品 原油 股指 期权 …"""

    __tablename__ = "permission"

    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), primary_key=True)
    group: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, default=0)  # order of showing
    granted: Mapped[bool] = mapped_column(Boolean)
    expires_on: Mapped[date | None] = mapped_column(Date)


class ClientTag(Base):
    __tablename__ = "client_tag"

    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(64), primary_key=True)


class PersonalKind(StrEnum):
    ID_NUMBER = "id_number"
    MOBILE = "mobile"
    BANK_CARD = "bank_card"
    ADDRESS = "address"
    CONTACT = "contact"  # further telephone numbers
    BIRTHDAY = "birthday"  # ISO date


class Personal(Base):
    """One sealed personal datum of a client, with blind indexes of the whole and the last four."""

    __tablename__ = "personal"
    __table_args__ = (
        Index("ix_personal_whole", "kind", "whole"),
        Index("ix_personal_tail", "kind", "tail"),
        UniqueConstraint("client_id", "kind", "position"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"))
    kind: Mapped[PersonalKind] = mapped_column(by_value(PersonalKind))
    position: Mapped[int] = mapped_column(Integer, default=0)
    value: Mapped[str] = mapped_column(SealedText("personal.value"))
    whole: Mapped[bytes] = mapped_column(LargeBinary(32))
    tail: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class SearchKey(Base):
    """What finds a client: see ``crm.search``. Each index ends in the order of showing, so that
    the first rows of a range are the answer: one's own, those of a branch, or everybody's."""

    __tablename__ = "search_key"
    __table_args__ = (
        Index("ix_search_key_owner", "key", "owner", "rank", "client_id"),
        Index("ix_search_key_branch", "key", "branch", "rank", "client_id"),
        Index("ix_search_key_all", "key", "rank", "client_id"),
        {"sqlite_with_rowid": False},  # stored in the order of the primary key
    )

    client_id: Mapped[int] = mapped_column(
        ForeignKey("client.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    key: Mapped[str] = mapped_column(String(72), primary_key=True)  # a letter for its kind first
    owner: Mapped[str | None] = mapped_column(String(64))
    branch: Mapped[str | None] = mapped_column(String(16))
    rank: Mapped[int] = mapped_column(SmallInteger)  # lower is better


class RecentClient(Base):
    """Whom a person looked at or wrote about, and when last: found first the next time."""

    __tablename__ = "recent_client"
    __table_args__ = (Index("ix_recent_client_staff_at", "staff", "at"),)

    staff: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    client_id: Mapped[int] = mapped_column(
        ForeignKey("client.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(Moment)


class Channel(StrEnum):
    CALL = "call"
    WECHAT = "wechat"
    VISIT = "visit"
    SMS = "sms"
    MAIL = "mail"
    MEETING = "meeting"
    OTHER = "other"


class Interaction(Base):
    """What was said with a client. Its texts are in ``interaction_text``: the first is kept."""

    __tablename__ = "interaction"
    __table_args__ = (Index("ix_interaction_client_at", "client_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    staff: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    channel: Mapped[Channel] = mapped_column(by_value(Channel))
    at: Mapped[datetime] = mapped_column(Moment)
    undone_at: Mapped[datetime | None] = mapped_column(Moment)
    source: Mapped[str] = mapped_column(String(128))  # the message that said it
    version: Mapped[int] = mapped_column(Integer, default=1)
    keep_until: Mapped[date | None] = mapped_column(Date)

    texts: Mapped[list["InteractionText"]] = relationship(
        lazy="raise", order_by="InteractionText.number", cascade="all, delete-orphan"
    )
    tags: Mapped[list["InteractionTag"]] = relationship(lazy="raise", cascade="all, delete-orphan")
    files: Mapped[list["InteractionFile"]] = relationship(
        lazy="raise", cascade="all, delete-orphan"
    )


class InteractionText(Base):
    __tablename__ = "interaction_text"

    interaction_id: Mapped[int] = mapped_column(ForeignKey("interaction.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)  # 1 is the first text
    note: Mapped[str] = mapped_column(SealedText("interaction_text.note"))
    by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(Moment)


class InteractionTag(Base):
    __tablename__ = "interaction_tag"

    interaction_id: Mapped[int] = mapped_column(ForeignKey("interaction.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(64), primary_key=True)


class InteractionFile(Base):
    __tablename__ = "interaction_file"

    interaction_id: Mapped[int] = mapped_column(ForeignKey("interaction.id"), primary_key=True)
    blob: Mapped[str] = mapped_column(ForeignKey("blob.name"), primary_key=True)
    name: Mapped[str] = mapped_column(SealedText("interaction_file.name"))


class Blob(Base):
    """A stored picture or file, by the hash of its content."""

    __tablename__ = "blob"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    content: Mapped[bytes] = mapped_column(SealedBytes("blob.content"))
    size: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Moment)
    keep_until: Mapped[date | None] = mapped_column(Date)


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"
    MOOT = "moot"  # what it was for came about by itself


class Task(Base):
    """待办: something promised, with the moment when its owner is reminded."""

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_due", "state", "reminded_at", "due_at"),
        Index("ix_task_staff_due", "staff", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    staff: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    client_id: Mapped[int | None] = mapped_column(ForeignKey("client.id"), index=True)
    interaction_id: Mapped[int | None] = mapped_column(ForeignKey("interaction.id"), index=True)
    text: Mapped[str] = mapped_column(SealedText("task.text"))
    due_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[TaskState] = mapped_column(by_value(TaskState), default=TaskState.OPEN)
    reminded_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    source: Mapped[str] = mapped_column(String(128), default="")
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Moment)
    keep_until: Mapped[date | None] = mapped_column(Date)


class GrantState(StrEnum):
    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"


class ViewGrant(Base):
    """申请查看: a look at another manager's client for a day, granted by the owner's head."""

    __tablename__ = "view_grant"
    __table_args__ = (
        Index("ix_view_grant_client_staff", "client_id", "staff"),
        Index("ix_view_grant_staff_until", "staff", "until"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    staff: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    state: Mapped[GrantState] = mapped_column(by_value(GrantState), default=GrantState.ASKED)
    asked_at: Mapped[datetime] = mapped_column(Moment)
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    until: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(Integer, default=1)


class CalendarDay(Base):
    """The trading calendar that an admin loaded; without rows the shipped one holds."""

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    holiday: Mapped[str] = mapped_column(String(32))


class ImportBatch(Base):
    """A file that was read in: the same file is not read twice."""

    __tablename__ = "import_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    digest: Mapped[str] = mapped_column(String(64), index=True)  # sha256 of the content
    rows: Mapped[int] = mapped_column(Integer)
    taken: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(Moment)


class Change(Base):
    """Counts changes that other processes must notice within a second."""

    __tablename__ = "change"

    what: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class ProposalState(StrEnum):
    ASKED = "asked"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Proposal(Base):
    """A change that affects others, from when it was asked for until a second person of the same
    role has spoken. ``open_key`` is unique while it waits."""

    __tablename__ = "proposal"
    __table_args__ = (Index("ix_proposal_state_role", "state", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    base: Mapped[int] = mapped_column(Integer)  # the version that it was compared with
    made: Mapped[int | None] = mapped_column(Integer)  # the version that it became
    body: Mapped[str] = mapped_column(SealedText("proposal.body"))  # canonical JSON
    shown: Mapped[str] = mapped_column(SealedText("proposal.shown"))  # title, lines, as JSON
    reason: Mapped[str] = mapped_column(SealedText("proposal.reason"))
    role: Mapped[Role] = mapped_column(by_value(Role))  # in which it was asked for
    open_key: Mapped[str | None] = mapped_column(String(100), unique=True)
    state: Mapped[ProposalState] = mapped_column(by_value(ProposalState))
    asked_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime] = mapped_column(Moment)
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    result: Mapped[str] = mapped_column(SealedText("proposal.result"), default="")
    seen: Mapped[list[str]] = mapped_column(JSON, default=list)  # who, beside the two, has read it
    version: Mapped[int] = mapped_column(Integer, default=1)
    keep_until: Mapped[date | None] = mapped_column(Date)
