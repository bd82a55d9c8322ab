"""Whether a date in a note is a future action of ours: the only thing that makes a task."""

import re

from bot.grammar.numerals import WHOLE

NAME = "◇"  # stands for a client's name, so that it can be told from other blanks
BLANK = "□"

# ── what looks like a date and is none ───────────────────────────────────────────────────────

_NOISE = re.compile(
    "|".join(
        (
            # indicators and candles
            rf"{WHOLE}[日天周](?:均线|线|[上中下]轨|均价|均量|新高|新低|高点|低点|平均|移动)",
            rf"{WHOLE}(?:分钟|小时)(?:线|[Kk]线|级别|图|周期)|[周月日年季](?:线|[Kk]线)|[周月日]均"
            r"|MA\d+",
            # a month that is a price mark or a contract
            rf"{WHOLE}月份?(?:合约|的)?[一-龥]{{0,4}}?[换移转](?:仓|月)?[到至成]了?{WHOLE}月份?"
            r"(?![\d一二三四五六七八九十初中底末])",
            rf"{WHOLE}月份?(?:的)?(?:[高低]点|[高低]位|新[高低]|均价|合约|期货|主力|交割|仓单|价差"
            r"|到期|基差|升水|贴水|期权"
            r"|结算|报告|数据|底部|顶部|CPI|PMI|非农|以来|行情|策略|计划|对?账单|结算单|月报|研报|任务|考核|业绩"
            r"|订单|产量|销量|进口|出口|库存|船期)",
            r"(?:开户|出生|成立|注册|发证|签发|有效|到期)(?:日期?|时间|期)?(?:是|为|:|至|到)?"
            r"\s?\d{4}[./年-]\d{1,2}[./月-]\d{1,2}日?",
            rf"{WHOLE}月版|(?:版本|版)号?\s?[Vv]?\d+(?:\.\d+)+",
            r"\d{1,2}(?:/\d{1,2})?合约|\d{1,2}\s?-\s?\d{1,2}\s?(?:价差|正套|反套|月差|套利|合约)",
            rf"(?:从|自){WHOLE}月(?:份)?(?:\d+[日号])?(?:起|以来|开始)",
            # prices, ratios, spreads
            r"(?:比例|配比|杠杆|按|比)\s?\d+\s?:\s?\d+",
            r"(?:[涨跌升降撤弹调低]|[高](?=了)|基差|价差|点差|点位|支撑|压力位?|止损|止盈|盈亏"
            r"|现价|报)"
            rf"[^,。;、\s]{{0,4}}?{WHOLE}\s?个?点(?!钟|半)",
            rf"{WHOLE}(?:多|来|个)?点(?=以上|以下|附近|的?(?:空间|利润|涨幅|跌幅)|止损|止盈|支撑"
            r"|压力|[高低]开)",
            rf"(?:账期|周期|期限|有效期|质保|账龄){WHOLE}(?:天|日|个月|年)|{WHOLE}(?:天|日|个月"
            r"|年)(?:账期|期限|期(?!货))",
            # addresses
            rf"[一-龥]{{1,6}}(?:路|街|大道|巷|弄|村|镇){WHOLE}(?:号|弄|幢)?",
            r"(?:五一|国庆|八一|三八|十一|五四|元旦|中秋)(?:路|街|广场|大道|村|小区|大厦)",
            # firms and people
            r"今日头条|明[天日](?:控股|系|集团|资本|之星)|(?:端午|中秋|国庆|元旦|清明)(?:实业|贸易"
            r"|集团|公司|食品|投资)",
            r"周[一二三四五六](?=[鸣凡帆然诺涵川峰波民强伟宝龙虎石海](?![一-龥]{0,2}[号市]))",
            r"周[一二三四五六](?=先生|女士|经理|老师|老板|总(?![结部监量额共]))",
            r"[王李张刘陈杨黄赵吴徐孙马朱胡郭何林罗郑梁谢宋唐许韩](?:国庆|元旦|中秋|端午|建国|清明"
            r"|立春)"
            r"(?![前后节期假之长快])",
            r"\d{5,}|\d{3,4}-\d{5,8}|T\+\d",
        )
    )
)


_TURNS = (
    (re.compile(r"[嗯呃](?=[问说他她])"), ","),
    (re.compile(r"[嗯呃]"), " "),
    (re.compile(r"那我"), ",我"),
    (re.compile(r"然后"), ", "),
)


def without_noise(text: str) -> str:
    """``text`` in the same length, with what only looks like a date blanked."""
    return _NOISE.sub(lambda match: BLANK * len(match[0]), text)


def with_turns(text: str) -> str:
    """``text`` in the same length, with a mark where one who dictates draws breath."""
    for breath, mark in _TURNS:
        text = breath.sub(mark, text)
    return text


# ── whose action, and when ───────────────────────────────────────────────────────────────────

_CALLED_OFF = re.compile(
    r"(?<!用)不用|不必|(?<!需)不需|无需|(?<!要)不要(?!忘|紧)|(?<![分特区个级类性告])别(?![忘漏人的墅家])|取消|作废|(?<!去)不去|(?<!打)不打|(?<!见)不见(?!不散)|(?<!来)不来"
    r"|没必要|推掉|(?<=[约他她给都又])推了(?![一几])|算了|暂不|先不"
    r"|不再?(?:回访|联系|跟进|打扰|拜访|提醒)"
)
_ONCE = re.compile(
    r"(?:本来|原本|原先|原来)(?:是|都|就|也)?(?:[说约定]|想|打算|要|计划|安排|准备)(?!.*(?:照旧|不变))"
    r"|(?:本来|原本|原先)\s?$|上次(?:说|约|定|讲)好?的?\s?$|原定(?!.*(?:照旧|不变|[改推延]))"
)
_REFUSED = re.compile(r"不[敢想愿肯]|不打算|不准备|[来去到]不了")
_AFRESH = re.compile(r"[\s就才我]*再(?!.*了$)")
_MOVED_TO = re.compile(
    r"(?:改到了?|改成|改为|改在|改约|(?<![修更])改|推迟到|推到|延期?到|延至|挪到|调整到|调到|提前到|换到|顺延到"
    r"|(?<![仓单寸])移到|改期到|变更为)[\s:]?$"
)
_MOVED = re.compile(
    r"改到|改成|改为|改在|改约|推迟|推到|延期|延到|延至|挪到|调整到|提前到|换到|顺延|改期"
)
_CORRECTED = re.compile(
    r"(?<![绝反针相])不对(?![称劲付冲等路外应题号头])|(?:说|写|记|讲|搞|打)错了?|口误|更正|哦不|不不+|应该是"
)
_COUNTS_BACK = re.compile(rf"提前{WHOLE}个?(?:天|日|周|星期|交易日|月)")
_IF = re.compile(r"如果|(?<!主)要是|假如|(?<!干)若(?!干)|万一|一旦|除非|习惯|总是|平时")
_DONE = re.compile(
    r"(?<=[聊谈说打见访系通发做签送寄吃喝坐逛接回退转来买卖仓金问加减补交开给去看收议定到电告面话])(?:完?了(?!解|结)"
    r"|过(?![去来户节年会夜程后]))"
    r"|(?<![别要])忘了|(?<![而早久])已|(?<!有)没(?!问题)|未(?![来平成])|来电|来访|打(?:过|(?:了?个)?电话过?)?来(?=[说问讲的,。\s]|$)"
    r"|过来(?:[一-龥]{2,4})?(?=[说问讲](?!一|下|清|明))|(?<=[聊谈说打见访系通开签接来送发寄])的"
    r"|电话[里中]?(?:说|讲|反馈)|^\s?才|^[\s,]*(?:[他她]|客户|对方)说|(?<=[发给寄送打])[他她]了|表示|反馈说|反映"
)
_OR_ELSE = re.compile(r"^把[^,]*了$|[没未]\S{1,6}(?=[就再])|忘了(?=[就再])|(?<=[一-龥])没有?\s?$")
_THEIRS_TO_US = re.compile(
    r"给我|[发寄传]我(?!们?的|们?[司家公])|(?:交|发|寄|传)(?:上|过)来(?!了)|找我|来我(?!们?(?:[来去再先就]|[接陪请带安准给帮跟约打联找送]))|联系我|打给我|回复我|告诉我|通知我|答复我|跟我说|(?:过来|来)(?:公司|找|拜访"
    r"|签|办|开户|谈)"
)
_THEY = re.compile(
    r"(?:[再等那但而]|然后|另外|不过|目前|据说)?(?:客户|对方|他们|她们|他|她|该客户|老板|公司"
    rf"|厂里|厂家|企业|(?:交易|上期|[郑大]商|中金|广期)所|能源中心|证监[会局]|央行|美联储|统计局|{NAME}+)"
    rf"(?:[总姐哥]|先生|女士|经理|那边|自己)?(?!{NAME}|家|单位|公司|处|的|问|关心)"
)
_THEY_SAY = re.compile(
    rf"(?:[他她]们?|客户|对方|老板|{NAME})(?:总|那边|自己)?(?:说|讲|称|表示|答应|承诺)$"
)
_THEIR_DATE = re.compile(
    r"(?<![跟和与给找约帮陪请催问叫让等替向对带接送劝复诉访见系络醒知了把])"
    r"(?:[他她]们?|客户|对方|老板)(?:那边|自己)?\s?$"
)
_OUR_DATE = re.compile(
    r"(?<![让叫要请催求给跟找约等陪帮带接])(?:我们?|咱们?)(?:这边|这里)?[呢就嘛]?\s?$"
)
_NEXT_SUBJECT = re.compile(r"(?:那|然后|所以)?(?:我们?|咱们?)(?:这边|这里)?[呢就嘛]?$")
_HELD_UNTIL = re.compile(r"(?:拿|持有?|扛|捂|囤)(?:仓|单|货)?到\s?$")  # a position
_KEPT_UNTIL = re.compile(r"(?:留|放|做)(?:仓|单|货)?到\s?$")  # that, or our work put off
_FORECAST = re.compile(
    r"\s?[一-龥]{0,6}?(?:要|会|可能|肯定|应该|还得?|继续)+(?:大|暴)?(?:涨(?!停板)|跌(?!停板)|反弹|回落(?!实)|见[顶底]|走[强弱])"
    r"|\s?[就才要会也都]*(?:到期|过期|失效|摘牌)了"
)
_EXPECTED = re.compile(r"\s?自?己?(?:[就也都再]?会(?!议)|可能|大概|估计|说不定|肯定)")
_TOLD_BY_THEM = re.compile(
    rf"(?:(?<![跟和与给诉知])(?:[他她]|客户|对方|{NAME})[^我咱,]{{0,8}}[说讲]"
    rf"|(?:[他她]|客户|对方|{NAME})[^我咱,]{{0,8}}回[了复说])[^我咱,]{{0,8}}$"
)
_SOMEBODY_SAYS = re.compile(r"^[^我咱]*[说讲]\s?$")
_FOR_THEM = re.compile(r"[给回发寄送找打][他她]")
_DEADLINE = re.compile(r"^[之以]?前(?=[他她客对])")
_WE_ATTEND = re.compile(r"我(?:们|来|去|要|得|会)*(?:参加|主持|[讲去到跑])")
_ONLY_CHANNEL = re.compile(r"(?:电话|微信|短信|邮件|拜访)?")
_TOLD_THEM = re.compile(
    rf"(?:通知|告诉|告知|[跟和](?=\S*[说讲]))了?(?:[他她]们?|客户|{NAME}+)(?:[说讲]了?)?\s?$"
)
_ADVISED = re.compile(r"(?:我[说讲]|告诉[他她]|[跟和][他她][说讲])\s?$")
_ADVICE = re.compile(r"就(?:行|可以|好)|即可|来得及")
_WISH = re.compile(r"想(?!法)|打算|考虑|答应(?!了?(?:他|她|客户))|承诺|预计")
_ASKED_ABOUT = re.compile(r"(?:问|咨询|打听|关心)(?:了|一下|起|到|过|的是)?\s?$")
_INVITED = re.compile(rf"(?:请|约|邀请?|接|带)(?:他|她|客户|{NAME}+)?过?来")
_OCCASION = re.compile(
    r"(?:非农|EIA|CPI|PMI|USDA|有)[一-龥]{0,4}数据|(?:EIA|CPI|PMI|非农)|生日|满月|婚礼|开业|乔迁|周年"
)
_WE_THEN = re.compile(
    r"\s?(?:[一-龥]{1,4}(?:之?后|完)再?)?(?:我(?!们?[让叫请催劝建][他她议])|到时候?|届时|当天)"
)
_WE_ARE_ASKED = re.compile(r"[让叫要约请催求望](?:我|一下)|约|要求|提醒|希望我|我|咱")
_TOGETHER = re.compile(
    r"回访|(?<!会)联[系络]|电联|沟通|聊|谈|见面|面谈|见个面|碰[面头一下个]|拜访|上门|跟进|跟踪|约|开会|吃饭"
    r"|吃个饭|聚|再说|面签|电话会"
)
_ELSEWHERE = re.compile(r"去[一-龥]{1,6}?(?:开会|吃饭|拜访|见面|谈)")
_ARRANGED_AT = re.compile(r"(?:约[了好在定到]?|定[在于]|说好)\s?$")
_ARRANGED = re.compile(
    r"答应了?(?:他|她|客户)|约(?:[了好在定]|到)|定[了在好于]|说好|安排[在了]|时间"
)

# theirs or the market's, though a verb of ours is inside the word
_NOT_OURS = re.compile(
    r"出?入金|出金|平仓|减仓|加仓|建仓|开仓|清仓|补仓|换仓|移仓|追加|追保|追涨|追空|追多|补库|补跌"
    r"|补缴|交割|交易|成交|提货|发货|发运|发生|发现|发酵"
    r"|发改委|发布|发(?:工资|薪)|看盘|发力|公布|到货|到期|到港|打款|打算|打新|转账|付款|回款|出差|放假|上市|议息"
    r"|做(?:[多空单市]|套保|套利|期货|期权|波段|交易)|看[涨跌多空好淡法起来]|一定|稳定|固定"
    r"|确定性|接货|接近|直接|回调|下调|上调|调休|推迟|去库|去年|去化|取消|问题|意见|见[顶底]|签收"
    r"|考核|领导|拿货|拿单|打开|报名|报告|报表|报关|报价表"
    r"|结算|预算|清算|带来|送检|查封|盯市|约束|大约|合约|节约|公约|租约|见到|打到|谈判|聚烯烃|聚丙烯|聚乙烯|聚酯"
    r"|聚氯|会议纪要|审批中|准备金|关注度|通知书|了解到"
    r"|[研周日月季年快早晚]报|提前|测试版|核心|办公|写字楼|试试看"
)
_PAST_ACTION = re.compile(
    r"[一-龥]{1,2}(?:完?了(?!解|结)|过(?![去来户节年会夜程后一]))|[谈提说问聊讲]到|表示|打算|听说"
)
_ASKED_OF_US = re.compile(r"[让叫要请催求](?:我们?|咱们?)\s?$")
_TO_THEM = re.compile(
    r"[\s就再我咱们会要去先得]*(?:回复|答复|回电话?给?|打电话给|打给|发给|寄给|送给|告诉|通知|联系|拜访"
    rf"|回访|提醒|催|给|帮|陪|约|请|找)(?:一下)?(?:[他她](?![们老儿女爸妈朋同公家的])|{NAME})"
)
_OURS = re.compile(
    r"回访|回电|回复|答复|回话|回[他她]|回客户|联系|电联|致电|去电|打|沟通|聊|谈|见|碰|约|拜访|上门|登门|走访|跟进"
    r"|跟踪|追踪|提醒|提示(?!音)|通知|催|报|拜会|(?:腾讯|视频|电话|线上|钉钉)会议"
    r"|吃|饭|宴请|聚|开会|路演|培训|讲|座谈|签|再说|发|寄|送|给|带|查|看|核|复核|确认|检查|准备"
    r"|整理|补|交|提供|出具|做|办|开户|开通"
    r"|协助|帮|处理|解决|反馈|汇报|汇总|安排|落实|对账|复盘|问|咨询|了解|测算|算|评估|盯|关注|留意"
    r"|调整|申请|修改|更新|写|拿|取|接|陪|去|过去"
    r"|推荐|介绍|演示|教|审|讨论|商量|敲定|参加|出席|慰问|拜年|贺|测|试|转告|告知|退|(?<!手)续|补录|双录"
    r"|调研|考察|汇|视频|会面|赴约|团建|值班|直播|追|告诉|告知|劝|拉[他她]|拉个?群|[跑走]一趟"
    r"|(?<!申)请(?![假问])|统计(?![局数显])|梳理|[跟和与](?:他|她|客户)[说讲确]|说一[下声]|转发"
    r"|邀|邮寄|传真|对接|交流|辅导|指导|盘点|过一[遍下]|录入|登记|归档|打印|盖章|开票|销户|预约"
    r"|收[齐全](?!仓)|收(?:资料|材料|账单|合同|文件|费|款|手续费|原件|回执)|起草|拟|研究(?![所员报院])|分析(?!师)"
    r"|[改弄办做备]好|总结|回顾|一起(?!涨|跌)|联络"
)
_AFTERWARDS = re.compile(
    r"[后完]了?[,\s]?(?:我们?|咱们?)?再(?:[跟联打约聊谈给发去问看签催]|回[访电复])"
)
_AGAIN = re.compile(r"[\s就才我们]*再(?![次度也生涨跌创追保入]|[加减平开补][仓码空多])[一-龥]")
_NOBODY = re.compile(r"(?:[\s□]|我们?|咱们?|就|那|先|等|然后|所以|最后|最晚|最迟)*")
_BEGINS = re.compile(
    r"(?:\s|我们?|咱们?|再|专门|先|务必|一定要?|必须|当面|亲自|继续|顺便|重新|一起|准时|按时|及时"
    r"|抓紧|记得|要|需要?|会|单独|统一|正式|线上|现场|远程)*"
    r"(?:到(?![期港货账位岸了处])|去(?!库)|把|帮|替|向|给|带|陪|找|约|叫|出(?:方案|□|面|发|题)"
    r"|写|寄|送|拿|交(?![割易货投])|签|谈|聊|讲|听|解[释答决]|答|推[送荐]|推一|试|弄|教|演示|跑"
    r"|接|碰|聚|定(?![价增])|对[一账接]|比对|算|打给|建群|拜|登|组织|筹备|布置|通[知报]|挪|搬)"
)
_AT_HOUR = re.compile(
    r"(?:我们?)?(?:去|来)?(?:到|见|接|出发|开始|集合|碰头|碰面|见面|面谈)(?:[他她])?"
)
_REMINDS = re.compile(
    r"\s?(?:请|要|记得|到时候?|届时|当天|提前|我|再|务必|别忘了?)*(?:提醒|通知|叫|催|告诉)"
)
_GOES_ON = re.compile(
    r"(?:说|讲|称|表示|要|想|打算|准备|答应|承诺|客户|他|她|对方|老板|公司|让|叫|请|约|取消了?"
    rf"|不用|别|改|推|{NAME})$"
)
_CHANNEL = re.compile(r"\s?(?:再|用|先|给[他她])?(?:电话|微信|短信|邮件|视频)")
_TODAY = re.compile(r"今[天日早](?:早上|上午|中午)?")
_PART_OF_TODAY = re.compile(
    r"今[天早日](?:一早|早上|上午|中午|下午|晚上)?|(?<![天日一二三四五六])(?:一早|早上|上午|中午|下午)"
)
_CONTACT = re.compile(r"\s?(?:来?电话|微信|短信|邮件|来电|来访)(?=[一-龥]|\s?$)")
_NOUN_AFTER = re.compile(
    r"\s?(?:(?:到期|生效|交割|上市|召开|举行)?的(?!时候|话)|[那这][次笔单回场]|起(?![草床飞诉码])|以来)"
)


def called_off(before: str, after: str) -> bool:
    """Negated or cancelled; a date that something was moved to stays, and so does a fresh start
    behind a negation: 不急着签下周三再联系."""
    if _CALLED_OFF.search(after) or _REFUSED.search(after) or _ONCE.search(before):
        return True
    return _CALLED_OFF.search(before) is not None and not _AFRESH.match(after)


def asked_about(before: str) -> bool:
    """问了明天的开盘价: the date is what somebody asked about."""
    return _ASKED_ABOUT.search(before) is not None


def reminds(clause: str) -> bool:
    """A clause that hangs a reminder on the date of the one before it: 12月20日到期，提醒他."""
    return _REMINDS.match(clause) is not None and not done(clause)


def answered(clause: str, following: str) -> bool:
    """Whether what we do about an event stands in the next clause: 他周五有空，我过去一趟."""
    if not (_WE_THEN.match(following) or _OCCASION.search(clause)):
        return False
    return ours("", following) and not done(following)


def counts_back(clause: str) -> bool:
    """生日是12月3日，提前一天送蛋糕: the date that is meant lies before."""
    return _COUNTS_BACK.search(clause) is not None


def goes_on(before: str) -> bool:
    """Whether what stands in front of a blank reaches beyond it: 客户说 周五来."""
    return _GOES_ON.search(before.rstrip()) is not None


def moved_to(before: str) -> bool:
    """Whether the words right before a date say that something was put there."""
    return _MOVED_TO.search(before) is not None


def moved_away(after: str) -> bool:
    return _MOVED.search(after) is not None


def corrected_at(text: str) -> int:
    """Where somebody last takes back what he said before: 明天，不对，后天; 0 when nobody does."""
    return max((match.end() for match in _CORRECTED.finditer(text)), default=0)


def conditional(before: str) -> bool:
    return _IF.search(before) is not None


def done(after: str) -> bool:
    """A past tense or a failure behind the date: 周三没接, 周一聊了."""
    return _DONE.search(_OR_ELSE.sub("", after)) is not None


def told_of_today(said: str, after: str) -> bool:
    """今天微信要研报: a contact that was, unless an action of ours follows."""
    contact = _CONTACT.match(after)
    return (
        contact is not None
        and _TODAY.fullmatch(said) is not None
        and _OURS.search(_NOT_OURS.sub(" ", after[contact.end() :])) is None
    )


def without_today(text: str) -> str:
    """``text`` in the same length, without today's hours: when something told took place."""
    return _PART_OF_TODAY.sub(lambda match: BLANK * len(match[0]), text)


def without_next_subject(between: str) -> str:
    """她想周三看方案我周二发给她: the 我 between two dates belongs to the second."""
    return _NEXT_SUBJECT.sub("", between)


def arranged(before: str) -> bool:
    """他周四下午有空，约了三点: the hour of the day that was just named."""
    return _ARRANGED_AT.search(before) is not None


def wondered(after: str) -> bool:
    """下周三休市吗: what somebody wants to know."""
    return "吗" in after


def describes(after: str) -> bool:
    """周五的会议: the date only says which; but 周五的会议我参加."""
    return _NOUN_AFTER.match(after) is not None and not _WE_ATTEND.search(after)


def ours(before: str, after: str) -> bool:
    """Whether an action of ours stands beside the date; ``before`` and ``after`` are the rest of
    its clause."""
    if own := _OUR_DATE.search(before):
        before = before[own.start() :]
    clause = f"{before} {after}"
    if _THEIRS_TO_US.search(_INVITED.sub("请", clause)):
        return False
    if _speaks_of_theirs(before, after):
        return False
    if (
        _AFTERWARDS.search(after)
        or _ARRANGED.search(before)
        or _ASKED_OF_US.search(before)
        or _TO_THEM.match(after)
    ):
        return True
    theirs = _theirs_from(before, after)
    if theirs is not None and not _WE_ARE_ASKED.search(clause):
        words = _ELSEWHERE.sub(" ", _without_others(f"{before[theirs:]} {after}"))
        return _TOGETHER.search(words) is not None and "会" not in clause.replace("开会", "")
    if _AGAIN.match(after) or _starts_ours(before, after):
        return True
    return _OURS.search(_without_others(clause)) is not None or _CHANNEL.match(after) is not None


def _speaks_of_theirs(before: str, after: str) -> bool:
    """A position's day, a forecast, what others expect, what they were told or advised."""
    if _FORECAST.match(after):
        return True
    if _HELD_UNTIL.search(before):
        return not (_AGAIN.match(after) or _TO_THEM.match(after))
    if _FOR_THEM.search(after):
        return False
    if _EXPECTED.match(after) and _TOLD_BY_THEM.search(before):
        return True
    if _ADVISED.search(before) and _ADVICE.search(after):
        return True
    told = _KEPT_UNTIL.search(before) or _TOLD_THEM.search(before)
    said = _EXPECTED.match(after) and _SOMEBODY_SAYS.search(before)
    return bool(told or said) and _OURS.search(_without_others(after)) is None


def _theirs_from(before: str, after: str) -> int | None:
    """Where in ``before`` others begin to be those who act or wish."""
    told = _WISH.search(before) or _THEY_SAY.search(before.rstrip()) or _THEIR_DATE.search(before)
    if told:
        return told.start()
    alone = _ONLY_CHANNEL.fullmatch(before.strip())
    behind = _DEADLINE.sub("", after.lstrip())
    begins = _THEY.match(before.lstrip()) or (alone and _THEY.match(behind))
    return 0 if begins else None


def _without_others(words: str) -> str:
    """``words`` without what is past, and what sounds like ours but is theirs or the market's."""
    return _NOT_OURS.sub(" ", _PAST_ACTION.sub(" ", words))


def _starts_ours(before: str, after: str) -> bool:
    """明天到他办公室: nobody in front of the date, and a verb of ours right behind."""
    action = _NOT_OURS.sub(BLANK, after.lstrip())
    return _NOBODY.fullmatch(before) is not None and _BEGINS.match(action) is not None


def begins_hour(words: str) -> bool:
    """九点半到, 下午两点我去接: an hour of the day that was just named."""
    return bare(words) or _AT_HOUR.fullmatch(words.strip()) is not None


def bare(words: str) -> bool:
    """Nothing of weight beside the date: the action stands in the neighbouring clause."""
    return not re.sub(
        r"[\s的吧呢啊哈就再在于是□()]|左右|之前|以前|前|时候|那天|再说|随便|哪天|一天|任意"
        r"|[都也均][行可]以?|都可以",
        "",
        words,
    )


_DATED = re.compile(
    r"[今明昨后前]天|今晚|明早|[周月年]|星期|礼拜|\d|[上下]午|[早晚]上|节|[开收]盘|夜盘"
)
_WANTS_CLIENT = re.compile(r"回访|回电|联[系络]|电联|跟进|拜访|打电话$|沟通$|见面$")
_WITH_OBJECT = re.compile(r"[给跟和与约找]|(?:联[系络]|拜访|回访|跟进|沟通)[一-龥◇]")


def is_dated(word: str) -> bool:
    """Whether a word that could be somebody's name speaks of time instead."""
    return _DATED.search(word) is not None


def wants_client(action: str) -> bool:
    """Whether an action without anybody named asks whom: 回访."""
    return _WANTS_CLIENT.search(action) is not None and not _WITH_OBJECT.search(action)
