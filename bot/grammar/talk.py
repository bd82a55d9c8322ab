"""Telling talk from commands: ordinary words, narrated contacts, plans said in passing."""

import re

_NARRATED = re.compile(
    r"通了个?电话|通了话|打了个?电话|打过电话|通(?:过|完)电话|聊了|聊过|谈了|谈过|沟通了|沟通过"
    r"|见了|见过面|见完面|拜访了|拜访过"
    r"|回访了|回访过|碰了个?面|吃了个?饭|喝了?个?茶|发了微信|微信(?:聊|说|沟通|问)|来电|来访|上门"
    r"|开了个?会|联系了|联系过|电话(?:聊|说|沟通|回访|里)|打完电话|打电话[来给]|讨论了"
    r"|发了?(?:个|条|封)?(?:短信|邮件|微信)|微信我|已经?(?:打?电话|微信|短信|拜访|上门)"
    r"|通话\S{1,4}(?:分钟|小时)|开了个?(?:视频|电话|线上)会|来(?:营业部|公司|办公室|我们?这)[里儿边]?了"
    r"|今天.*(?:开会|见面|吃饭).*[了过]"
    r"|(?:刚才?|昨[天晚日]|今早|^上午|^早上|^中午).*(?:开会|见面|吃饭|电话|通话|微信|短信|邮件)"
)
_SPOKEN_OVER = re.compile(r"电话|微信|企微|短信|邮件|视频|语音|会议|上门|拜访")
_SPEAKS = re.compile(
    r"说|问|讲|提到|回我|回了|回说|反馈|表示|讨论|找我|打来|打过来|收到|同意|坐了|聊|谈|回来"
)
_YET_TO_COME = re.compile(
    r"明[天早晚日]|后天|下周|下个?月|待会|等会|等下|一会儿?|晚点|回头|改天|准备|打算|要不|记得|别忘|提醒|需要|应该"
)
_THAT_ONE = re.compile(r"[跟和与给][他她]|^[他她]|(?:这个?|该)?客户")
_QUESTION = re.compile(r"(?:吗|嘛|么|没有?|呢|谁|什么|怎么样?|多少|几点|哪里?)[啊呀]?\??$|\?$")
_ORDINARY = re.compile(
    r"记(?:得|者|住|忆|不|性|载|名|号|账|事|恨|挂|在|错|混|起|下来|着)|查(?:一下天|无|岗|水表|重"
    r"|房|收|办|处|不|到|过|完)|找(?:到|工作|人|时间|机会|个|不|茬|死)"
    r"|客户(?:说|想|要|问|们|经理|端|的|都|很|那|今|昨|明|现|觉|反|有|没|不|来|去|已|在)"
    r"|跟进(?:的|了|情况|一下|不)|提醒(?:的|过|了|功能|事项|得(?!到)|很|(?:我|你|他|她|大家)(?:了(?!解)|过(?:了|的|$)))"
    r"|待办(?:的|了|很|太|事|都|还|清|列表|有)|记录(?:的|了|很)"
    r"|开户(?:的|了|需|要|流程|资料|吗|费)"
    r"|持仓(?:的|了|量|成本|怎)|压力(?:很|大|太|山|好|有|位)|完成(?:了|的|度|率)|进度(?:的|很|怎"
    r"|如)|异常(?:的|了|波|天)|交接(?:的|了|班)"
)
_COMPLAINT = re.compile(
    r"(?:真|太|好|很|最|可|也|都|特别|实在|这事?儿?|[\s,])*(?:累|烦|难|麻烦|无语|费劲|头疼|不容易|气人|恶心|没用|没劲|没意思)"
    r"(?:[人死了啊吧的呀]|缠|搞|办)*"
)
_SMALL_TALK = (
    "好 是 对 行 嗯 哦 啊 可 在 有 不 没 要 去 来 说 问 好的 是的 对的 行吧 可以 收到 谢谢 明白"
    " 同意 确认 不是 不行 没有 知道 知道了 好嘞 辛苦 早 早安 晚安 再见 在吗 你好 您好"
    " 安好 平安 加油"
    " nice thanks xiexie haode haoba mingbai zaijian shoudao nihao hello wozai meishi"
)
_SMALL_TALK_WORDS = frozenset(_SMALL_TALK.split())
_COMMON = """
    员工 高位 高点 高兴 高开 方案 方便 方面 时间 时候 金额 成本 成交 成功 成立 安排 安全 关于 关注
    今天 明天 马上 白糖 黄金 白银 黄豆 钱到 应该 应收 于是 单边 单子 常规 常来 计划 计算 向好
    万元 万一 江苏 江浙 温度 明白 明确 强平 强势 平仓 平安 平时 全部 全平 水平 和解 和他 任务
    田间 管理 史上 包括 包装 沙子 石油 雷同 文件 文华 路演 路上 顾虑 汤料 康复 严重 武汉 许可
    何时 何况 余额 余下 祝您 祝好 宁可 宁愿 解释 解决 单位 单独 曾经 查询 区间 区别 乐观 能否
    应对 从来 易变 周末 周报 周期 周边 周线 周度 毛利 毛猪 金属 金融 花生 苗头 谢谢 程序 白天
    黑色 游资 连续 车间 项目 项下 燃油 沈阳 南宁 杭州 杜绝 费用 习惯 广州 印度 古老 席位 强烈
    经过 经常 那边 那个 那天 过来 过去 相关 相对 行情 行业 行吧 都行 都是 重点 重新 冷静 权益
    权限 海运 海外 水分 公司 车皮 居间 居然 法人 法定 司机 计价 别忘 好的 好啊 好吧 是的 容易
    季节 季度 包销 麦收 苏州 常州 温州 郑州 郑棉 郑糖 商量 商品 支持 支撑 池子 邮件 农户 农产
    汪洋 房子 房产 全天 平台 平均 贝壳 通知 通话 通过 边际 国际 国庆 元旦 元月 党员 莫名 柴油
    米价 伏天 司法 都在 开盘 收盘 申请 申报 申购 相信 仓单 仓位 仓储 充分 充值 阳光 阴跌 空单
    厉害 牛逼 牛市 熊市 高手 高见 高效 焦虑 焦急 尤其 顾问 单价 单日 常见 常态 常年 丰收 丰富
    应急 应付 战略 干嘛 干活 车险 程度 成果 成绩 祝贺 祝福 万幸 万能 万分 管用 盛大 强大 明年 明星
    空头 多单 多头 还在 还是 有空 胡说 万吨 宋体 颜色 龙头 段位 巴西 路费 练习 幸运 满意 满仓
    那就 那行 那好 那么 那不 那还 那也 那都 那是 那有 那没 那要 那得 那些
    高铁 盖章 劳驾 辛苦 麻烦 幸好 幸亏 段子 满足 古巴 都好 重仓 折扣 折算 种植 种子 召开 过户
"""
_COMMON_WORDS = frozenset(_COMMON.split())
_TOO_MUCH = re.compile(r"[太好真][一-龥]{1,2}$|关掉$")
_ABOUT_REMINDERS = re.compile(
    r"(?:一下|我|[都也还又总老])*(?:不(?:及时|准|对|到|出|灵|用|行|见|响|弹|显|够|好|全|来)|没(?:用|有|弹|响|收到|看到|反应|来|出|设)"
    r"|是(?:什么|啥|谁)|有(?:什么|啥)用|干嘛|谁的|怎么|如何|为什么|为啥|咋|什么时候|啥时候|几点|可以|能不能|会不会|是不是"
    r"|[在去从]?哪[里儿]?(?:能|可以)?(?:[找看查改删设写弄用有]|$)|[太真][一-龥]|有(?:点|问题|误|bug)|[晚早多少]了|失[败灵效]|列表|消息|声音|设置|提示)",
    re.IGNORECASE,
)
_TRAILS_OFF = re.compile(
    r"[了过的吧呢啊吗么嘛没有]+\??|(?:[了过]|到哪|得)(?:吗|没有?|怎么样?|如何|哪)\S*"
)
_HOW = re.compile(
    r"怎么|如何|为什么|为啥|咋|[是算]?(?:什么|啥)意思|[不得]了$"
    r"|[在去从]哪[里儿]?(?:能|可以)?(?:[找看查改删设写弄用]|$)"
)
_ASKS_HOW = (
    r"(?:[要该]?(?:怎么|如何|咋)|[在去从]?哪[里儿]?)(?:能|可以)?"
    r"[看用弄写记改删填办走操作处理]*了?\??"
)
_LEFT_OPEN = re.compile(rf"{_TRAILS_OFF.pattern}|{_ASKS_HOW}|的?(?:头|账|身)上\S*")
_URGED = re.compile(r"(?:一下)?[吧呗啊呀哈啦]*")
_SOON = 60  # characters in which what somebody is after has been said
_OUTCOME = re.compile(
    r"[\s,的]*(?:(?:又|还|都|已经?|一直|总是?|老是?|总算|终于)*(?:被(?:驳|拒|退|打回)|失败|成功|通过|没过|超时|卡[住在]|提交|完成|好了|没好"
    r"|没反应|没动静|没用|无效|有(?:点|问题|什么|啥|bug)|出问题|报错|太|好[慢难烦久]|真|不[了行通过成到]|[要得]?(?:多久|几天|多长|什么|啥|准备什么)|需要|流程|的|这事|那事)"
    r"|(?:权限|[材资]料|证件|照片|账户|信息)?(?:还|都|又)?(?:不[够全足齐符清]|过期|有误|缺)"
    r"|[要该]?(?:怎么|如何|为什么|为啥|咋|什么|啥|是[什啥谁]|谁|几|多少|[在到去]哪|能不能|会不会|是不是|要不要|可不可以|有没有))"
)
_CANNOT = re.compile(r"[打删改点看用关开找查收发加清完进登][不得][开掉了到完出去上着动]")
_COURTESY = re.compile(
    r"[\s,;。!]+(?:谢谢|多谢|感谢|谢了|辛苦|哈哈+|真(?:是|的|好|棒)|太好)[一-龥]{0,4}[\s。!~]*$"
)
_SEE_YOU = re.compile(
    r"(?:下?(?:周|星期|礼拜)[一二三四五六日天末]|下周|[今明后][天晚早]|一会儿?|待会儿?)"
    r"(?:[上下]午|晚上|早上|中午)?[再就]?[见聊说谈约][吧啊哈哦啦]?"
)
_GREETING = re.compile(
    r"[一-龥]{1,2}(?:总|董|哥|姐|老师|经理|老板|主任|先生|女士)"
    r"(?:[早好您你上下晚午]{1,3}|辛苦了?|威武|牛|厉害|收到|在吗?)"
)
_HOW_LONG = re.compile(
    r"[都也已经]*(?:(?:好|很|那么|这么)(?:久|长时间|多[次遍天回])|半天|一直|[几多两三四五六七八九十\d]+"
    r"(?:天|周|个月|次|遍|回))"
)
_PARTICLES = tuple("了吗呢吧啊呀啦嘛的着过哈哦嗯")


def is_ordinary(text: str) -> bool:
    """Whether a line begins with a verb's characters as part of an ordinary word."""
    return _ORDINARY.match(text) is not None


def tells_of_the_past(text: str) -> bool:
    """待办都清了, 提醒事项同步不了: ends like a story or a complaint."""
    text = _COURTESY.sub("", text)
    return text.endswith(_PARTICLES) or _TOO_MUCH.search(text) is not None


def is_about_reminders(words: str) -> bool:
    """提醒不及时, 待办怎么删除: said of what reminds, not a thing to be reminded of."""
    return _ABOUT_REMINDERS.match(words) is not None


def is_left_open(words: str) -> bool:
    """跟进张三没有, 记他头上: behind the name nothing that a note could be."""
    return _LEFT_OPEN.fullmatch(words) is not None


def is_outcome(words: str) -> bool:
    """Behind 开户 张三: 好了吗, 失败了, 要多久; said or asked of an application, and opens none."""
    said = _COURTESY.sub("", f" {words[:_SOON]}").strip(" ,。!~")
    if _URGED.fullmatch(said):
        return False
    return bool(_OUTCOME.match(said)) or trails_off(said) or is_question(said) or cannot(said)


def is_asked_how(words: str) -> bool:
    """驳回 张三 怎么弄"""
    return re.fullmatch(rf"[\s,]*{_ASKS_HOW}", words) is not None


def trails_off(words: str) -> bool:
    """线索 没了, 驳回 了吗, 待办 怎么删: behind the verb only particles, or how it is done."""
    return _TRAILS_OFF.fullmatch(words) is not None or _HOW.match(words) is not None


def cannot(words: str) -> bool:
    """打不开, 删不掉: what people complain of."""
    return _CANNOT.search(words) is not None


def is_question(text: str) -> bool:
    return _QUESTION.search(text) is not None


def is_complaint(words: str) -> bool:
    """真累, 太难缠了: what people sigh, and nobody writes down."""
    return _COMPLAINT.fullmatch(words) is not None


def narrates_contact(text: str) -> bool:
    """上午跟陈总通了个电话: something happened, and it was a contact."""
    if is_question(text):
        return False
    if _NARRATED.search(text):
        return True
    over = _SPOKEN_OVER.search(text)
    return bool(over and _SPEAKS.search(text) and not _YET_TO_COME.search(text, 0, over.start()))


def is_small_talk(words: str) -> bool:
    if words.lower() in _SMALL_TALK_WORDS:
        return True
    return any(said.fullmatch(words) for said in (_SEE_YOU, _GREETING))


def tells_how_long(words: str) -> bool:
    """跟进张三好久了没结果: said of the following up, not as its record."""
    return _HOW_LONG.match(words) is not None


def about_that_one(text: str) -> bool:
    """Whether the contact was with the one that was spoken of: 刚跟他通了电话."""
    return _THAT_ONE.search(text) is not None


def is_common_word(words: str) -> bool:
    """An ordinary word that begins like a surname."""
    return words.endswith(_PARTICLES) or words in _COMMON_WORDS or words[:2] in _COMMON_WORDS
