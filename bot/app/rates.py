"""How much each platform takes."""

from collections.abc import Mapping

from bot.outbox.limits import Limit
from bot.platforms.wecom.settings import LIMITS as WECOM_LIMITS
from bot.settings import Settings

LIMITS: Mapping[str, Limit] = {
    # The platforms' own rates (reference: DingTalk 9.2); [outbox.limits] overrides by name.
    "dingtalk:app": Limit(1, 1 / 19),  # a full bucket and its refill stay within 20 a second
    "dingtalk:private": Limit(20, 60),
    "dingtalk:group": Limit(20, 60),
    "dingtalk:robot": Limit(20, 60),
    **{name: Limit(*limit) for name, limit in WECOM_LIMITS.items()},
}


def limits_of(settings: Settings) -> dict[str, Limit]:
    return {name: Limit(s.amount, s.seconds) for name, s in settings.outbox.limits.items()}
