"""Telling talk from commands: ordinary words, narrated contacts, plans said in passing."""

import re

_NARRATED = re.compile(
    r"通了个?电话|通了话|打了个?电话|打过电话|通(?:过|完)电话|聊了|聊过|谈了|谈过|沟通了|沟通过|见了|见过面|见完面|拜访了|拜访过"
    r"|回访了|回访过|碰了个?面|吃了个?饭|喝了?个?茶|发了微信|微信(?:聊|说|沟通|问)|来电|来访|上门|开了个?会|联系了|联系过|电话(?:聊|说|沟通|回访|里)"
)
_THAT_ONE = re.compile(r"[跟和与给][他她]|(?:这个?|该)?客户")
_QUESTION = re.compile(r"(?:吗|嘛|么|没有?|呢|谁|什么|怎么样?|多少|几点|哪里?)\??$|\?$")
_ORDINARY = re.compile(
    r"记(?:得|者|住|忆|不|性|载|名|号|账|事|恨|挂|在|错|混|起|下来|着)|查(?:一下天|无|岗|水表|重|房|收|办|处)|找(?:到|工作|人|时间|机会|个|不|茬|死)"
    r"|客户(?:说|想|要|问|们|经理|端|的|都|很|那|今|昨|明|现|觉|反|有|没|不|来|去|已|在)"
    r"|跟进(?:的|了|情况|一下)|提醒(?:的|过|了|功能)|待办(?:的|了|很|太|事)|记录(?:的|了|很)|开户(?:的|了|需|要|流程|资料|吗|费)"
    r"|持仓(?:的|了|量|成本|怎)|压力(?:很|大|太|山|好|有|位)|完成(?:了|的|度|率)|进度(?:的|很|怎|如)|异常(?:的|了|波|天)|交接(?:的|了|班)"
)
_SMALL_TALK = (
    "好 是 对 行 嗯 哦 啊 可 在 有 不 没 要 去 来 说 问 好的 是的 对的 行吧 可以 收到 谢谢 明白 同意 确认 不是 不行 没有"
    " 知道 知道了 好嘞 辛苦 早 早安 晚安 再见 在吗 你好 您好 安好 平安 加油"
    " xiexie haode haoba mingbai zaijian shoudao nihao hello wozai meishi"
)
_SMALL_TALK_WORDS = frozenset(_SMALL_TALK.split())


def is_ordinary(text: str) -> bool:
    """Whether a line begins with a verb's characters as part of an ordinary word."""
    return _ORDINARY.match(text) is not None


def is_question(text: str) -> bool:
    return _QUESTION.search(text) is not None


def narrates_contact(text: str) -> bool:
    """上午跟陈总通了个电话: something happened, and it was a contact."""
    return _NARRATED.search(text) is not None and not is_question(text)


def is_small_talk(words: str) -> bool:
    return words.lower() in _SMALL_TALK_WORDS


def about_that_one(text: str) -> bool:
    """Whether the contact was with the one that was spoken of: 刚跟他通了电话."""
    return _THAT_ONE.search(text) is not None
