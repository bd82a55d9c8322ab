"""The one table of everything that can be asked for, and how a word finds its row."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from crm import names
from crm.spelling import sounds_near

Writes = Literal["no", "yes", "with_text", "with_name", "confirmed"]
Match = Literal["exact", "prefix", "near", "several", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """``words`` begin with the one shown to people. ``writes`` says when a line changes something
    at once; ``confirmed`` never does without a further answer."""

    name: str
    words: tuple[str, ...]
    latin: tuple[str, ...] = ()  # pinyin, then English
    writes: Writes = "no"
    says: str  # for 帮助
    examples: tuple[str, ...]
    slash_only: bool = False  # an ordinary word too: a command only with the slash

    @property
    def word(self) -> str:
        return ("/" if self.slash_only else "") + self.words[0]


def _admin(word: str, says: str, *examples: str, slash_only: bool = False) -> Verb:
    return Verb(
        name=f"admin:{word}",
        words=(word,),
        writes="confirmed",
        says=says,
        examples=examples,
        slash_only=slash_only,
    )


TABLE: tuple[Verb, ...] = (
    Verb(
        name="look_up",
        words=("查", "客户", "找", "查询", "查找", "搜", "搜索"),
        latin=("cha", "chaxun", "chazhao", "kehu", "zhao", "find", "client"),
        says="查客户的资金、持仓、风险和最近记录",
        examples=("张三", "查 zs", "尾号 6688", "80010023"),
    ),
    Verb(
        name="log",
        words=("记", "记录", "跟进", "记一下", "记一笔", "跟进记录"),
        latin=("ji", "jilu", "genjin", "log"),
        writes="with_text",
        says="记一次沟通，可带跟进日期和标签",
        examples=("记 张三 电话 聊了螺纹套保比例，下周三回访 #套保", "记录 张三"),
    ),
    Verb(
        name="task",
        words=("待办", "提醒", "提醒我"),
        latin=("daiban", "tixing", "task", "remind"),
        writes="with_text",
        says="记一件待办；只说「待办」列出未完成的",
        examples=("待办 张三 周五 回访", "提醒 明天下午三点给陈总打电话"),
    ),
    Verb(
        name="lead",
        words=("线索", "新增线索"),
        latin=("xiansuo", "xinzengxiansuo", "lead"),
        writes="with_name",
        says="登记一条线索；只说「线索」列出我的",
        examples=("线索 李四 13812345678 抖音 有意向做生猪",),
    ),
    Verb(
        name="pool",
        words=("公海",),
        latin=("gonghai", "pool"),
        says="看公海里可认领的线索",
        examples=("公海",),
    ),
    Verb(
        name="claim",
        words=("认领",),
        latin=("renling", "claim"),
        writes="with_text",
        says="认领预警；只说「认领」列出今天的",
        examples=("认领 张三", "认领 80010023", "认领 全部"),
    ),
    Verb(
        name="apply_opening",
        words=("开户",),
        latin=("kaihu", "open"),
        writes="with_name",
        says="发起开户申请",
        examples=("开户 张三",),
    ),
    Verb(
        name="progress",
        words=("进度", "开户进度"),
        latin=("jindu", "progress"),
        says="看开户走到哪一步",
        examples=("进度 张三", "进度 张三 当时所见"),
    ),
    Verb(
        name="withdraw",
        words=("撤回申请", "撤回开户", "撤销申请"),
        latin=("chehuishenqing", "withdraw"),
        writes="confirmed",
        says="撤回一份开户申请",
        examples=("撤回申请 张三",),
    ),
    Verb(
        name="my_approvals",
        words=("待审批", "我的审批", "审批"),
        latin=("daishenpi", "approvals"),
        says="等我审批的申请",
        examples=("待审批",),
    ),
    Verb(
        name="approve",
        words=("同意", "批准"),
        latin=("tongyi", "approve"),
        writes="yes",
        says="同意等我审批的申请",
        examples=("同意", "同意 张三"),
    ),
    Verb(
        name="reject",
        words=("驳回",),
        latin=("bohui", "reject"),
        writes="with_text",
        says="驳回等我审批的申请，写明原因",
        examples=("驳回 张三 身份核验不通过",),
    ),
    Verb(
        name="send_back",
        words=("退回补件", "退回"),
        latin=("tuihui",),
        writes="with_text",
        says="退回申请，请客户经理补件",
        examples=("退回 张三 身份证反面不清晰",),
    ),
    Verb(
        name="hand_on",
        words=("转交",),
        latin=("zhuanjiao",),
        writes="with_text",
        says="把等我审批的申请、由我处理的预警转交同事",
        examples=("转交 钱伟", "转交 张三 钱伟"),
    ),
    Verb(
        name="cosign",
        words=("加签",),
        latin=("jiaqian", "cosign"),
        writes="with_text",
        says="请另一位同事也签字",
        examples=("加签 冯军", "加签 张三 冯军"),
    ),
    Verb(
        name="positions",
        words=("持仓",),
        latin=("chicang", "positions"),
        says="看持仓和资金曲线，跟着刚查的客户",
        examples=("持仓 张三", "持仓"),
    ),
    Verb(
        name="curve",
        words=("资金曲线", "曲线", "权益曲线"),
        latin=("zijinquxian", "quxian"),
        says="看 60 日权益曲线",
        examples=("资金曲线 张三", "资金曲线"),
    ),
    Verb(
        name="more",
        words=("更多", "更多资料"),
        latin=("gengduo",),
        says="看开户日期、标签、银行卡等资料",
        examples=("更多 张三", "更多"),
    ),
    Verb(
        name="risk_rank",
        words=("风险榜",),
        latin=("fengxianbang", "risk"),
        says="风险度最高的 20 户",
        examples=("风险榜",),
    ),
    Verb(
        name="calls",
        words=("追保",),
        latin=("zhuibao",),
        says="今天的追保、强平、穿仓和处理情况",
        examples=("追保", "追保 今日", "追保 张三"),
    ),
    Verb(
        name="stress",
        words=("压力", "压力测试"),
        latin=("yali", "yaliceshi", "stress"),
        says="假设价格变动，看哪些客户会追保、强平、穿仓",
        examples=("压力 rb -5%", "压力 全部 跌停"),
    ),
    Verb(
        name="concentration",
        words=("集中度",),
        latin=("jizhongdu", "concentration"),
        says="某品种的持仓集中在谁手里",
        examples=("集中度 铜",),
    ),
    Verb(
        name="big_withdrawals",
        words=("大额出金",),
        latin=("daechujin", "withdrawals"),
        says="大额出金的客户",
        examples=("大额出金 今日",),
    ),
    Verb(
        name="anomalies",
        words=("异常",),
        latin=("yichang", "anomalies"),
        says="自成交、频繁报撤单等异常",
        examples=("异常 今日",),
    ),
    Verb(
        name="replay",
        words=("回放",),
        latin=("huifang", "replay"),
        says="用某天的数据试一条规则",
        examples=("回放 规则 margin-call 11-18",),
    ),
    Verb(
        name="noise",
        words=("噪音",),
        latin=("zaoyin", "noise"),
        says="没有带来处理的提醒",
        examples=("噪音 本周",),
    ),
    Verb(
        name="daily_report",
        words=("日报",),
        latin=("ribao", "daily"),
        says="当日报表",
        examples=("日报",),
    ),
    Verb(
        name="monthly_report",
        words=("月报",),
        latin=("yuebao", "monthly"),
        says="某月的报表",
        examples=("月报 2026-10",),
    ),
    Verb(
        name="bind",
        words=("绑定",),
        latin=("bangding", "bind"),
        writes="with_text",
        says="让钉钉和企业微信的账号是同一个人",
        examples=("绑定", "绑定 K3F97QXM", "绑定 列出", "绑定 解除 企微"),
    ),
    Verb(
        name="undo",
        words=("撤销", "撤回"),
        latin=("chexiao", "undo"),
        writes="yes",
        says="撤销刚才的记录（10 分钟内）",
        examples=("撤销",),
    ),
    Verb(
        name="done",
        words=("完成",),
        latin=("wancheng", "done"),
        writes="with_text",
        says="完成一件待办",
        examples=("完成 2",),
    ),
    Verb(
        name="reveal",
        words=("显示",),
        latin=("xianshi", "reveal"),
        says="显示一项个人信息，写明原因，留痕",
        examples=("显示 手机 张三 客户要求核对号码",),
    ),
    Verb(
        name="handover",
        words=("交接",),
        latin=("jiaojie", "handover"),
        writes="confirmed",
        says="把一个人名下的客户、待办、申请、预警移交给另一个人",
        examples=("交接 王强 → 李敏",),
    ),
    Verb(
        name="help",
        words=("帮助", "菜单"),
        latin=("bangzhu", "help"),
        says="能说什么；「帮助 记」看例子",
        examples=("帮助", "帮助 记"),
    ),
    _admin(
        "员工",
        "看员工，新增、停用、调动、设代理人",
        "/员工 王强",
        "/员工 代理 王强 李敏",
        "/员工 代理 王强 无",
        "/员工 停用 王强 离职",
        "/员工 王强 历史",
    ),
    _admin("角色", "谁有什么角色，授予和收回", "/角色 王强 +风控", "/角色 王强 -风控"),
    _admin(
        "规则",
        "看和改预警线、等待和升级时间",
        "/规则 追保 105%",
        "/规则 追保 2026-11-01",
        "/规则 历史",
    ),
    _admin("流程", "看和改审批时限", "/流程 开户", "/流程 开户 合规审核 45分"),
    _admin("字段", "客户资料的字段", "/字段"),
    _admin("报表", "运行报表", "报表 适当性统计 2026Q3"),
    _admin("数据源", "行情和资金数据的时效", "/数据源"),
    _admin("静默", "暂停提醒", "/静默 80010023 30分"),
    _admin("审计", "查操作记录", "/审计 张三 近30天", "/审计 近7天", "/审计 2026-11-01"),
    _admin("健康", "系统是否正常", "/健康", slash_only=True),
    _admin(
        "配置",
        "导出、导入、对比、回滚规则",
        "/配置 导出",
        "/配置 导入",
        "/配置 差异 2026-11-01",
        "/配置 回滚 2026-11-01",
    ),
    _admin("为什么", "一条预警为什么发出、通知了谁、谁处理", "/为什么 张三", slash_only=True),
    _admin("系统", "收发积压和死信", "/系统 死信", slash_only=True),
    _admin("变更", "等待确认的更改", "/变更", slash_only=True),
)

BY_NAME = {verb.name: verb for verb in TABLE}
_SHORTEST_LATIN = 3  # letters before a beginning of a word, or a slip in it, means anything
_LONGEST = 32  # characters of a word that are compared: no verb is as long
_SHORTEST_SLIP = 4
_SUGGESTED = 3


@dataclass(frozen=True, slots=True)
class Resolved:
    match: Match
    verbs: tuple[Verb, ...] = ()


@lru_cache(maxsize=2)
def _by_word(*, slash: bool) -> dict[str, Verb]:
    return {
        word: verb
        for verb in TABLE
        if slash or not verb.slash_only
        for word in (*verb.words, *verb.latin)
    }


@lru_cache(maxsize=1)
def chinese_words() -> tuple[tuple[str, Verb], ...]:
    """The Chinese words, longest first, for lines without blanks."""
    words = [(word, verb) for verb in TABLE if not verb.slash_only for word in verb.words]
    return tuple(sorted(words, key=lambda pair: -len(pair[0])))


def exact(word: str, *, slash: bool = False) -> Verb | None:
    return _by_word(slash=slash).get(word.lower())


def resolve(word: str, *, slash: bool = False) -> Resolved:
    """Exact word, else what it begins alone, else what it is one slip or homophone away from."""
    found = exact(word, slash=slash)
    if found:
        return Resolved("exact", (found,))
    every = _by_word(slash=slash)
    typed = word[:_LONGEST].lower()
    if len(typed) >= (_SHORTEST_LATIN if typed.isascii() else 1):
        begun = _distinct(verb for known, verb in every.items() if known.startswith(typed))
        if begun:
            return Resolved("prefix" if len(begun) == 1 else "several", begun)
    near = _distinct(verb for known, verb in every.items() if _near(typed, known))
    if near:
        return Resolved("near" if len(near) == 1 else "several", near)
    return Resolved("nothing")


def nearest(word: str) -> tuple[Verb, ...]:
    """The three commands that look most like ``word``."""
    typed = word[:_LONGEST].lower()
    scored = [
        (min(_distance(typed, known) / max(len(known), 1) for known in (*v.words, *v.latin)), n, v)
        for n, v in enumerate(TABLE)
    ]
    return tuple(verb for _, _, verb in sorted(scored, key=lambda row: row[:2])[:_SUGGESTED])


def _distinct(verbs: Iterable[Verb]) -> tuple[Verb, ...]:
    return tuple(dict.fromkeys(verbs))


def _near(typed: str, known: str) -> bool:
    if typed.isascii() != known.isascii() or typed[:1].isdigit():
        return False
    if known.isascii():
        return len(known) >= _SHORTEST_SLIP and len(typed) > 2 and _distance(typed, known) == 1
    if len(typed) != len(known):
        return False
    differing = [(one, two) for one, two in zip(typed, known, strict=True) if one != two]
    return len(differing) == 1 and _same_sound(*differing[0])


def _same_sound(one: str, two: str) -> bool:
    """Also of those that dialects confuse: 邻 and 领."""
    ones, twos = ({"".join(reading) for reading in names.pinyin(char)} for char in (one, two))
    return bool(ones & twos) or any(two in sounds_near(one) for one in ones for two in twos)


def _distance(one: str, two: str) -> int:
    """Insertions, deletions, substitutions and exchanges of neighbours between two words."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(two, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]
