"""The description of the API, made from its models."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.api import models
from bot.api.door import SCOPES
from bot.api.problem import CONTENT_TYPE, TITLES
from risk.sources.wire import LONGEST_ID

Json = dict[str, Any]
REF: Final = "#/components/schemas/{model}"
INTRO: Final = (
    "金额是以元为单位的十进制字符串，比例是小数（1 = 100%），时间带时区。"
    "推送的数据不跨重启保存：服务重启后请重新推送完整快照，在此之前相关账户没有数据。"
    "多个数据源都有的账户，以配置中靠前的数据源为准；模拟行情排在最后。"
)
SNAPSHOT_EXAMPLE: Final[Json] = {
    "trading_day": "2026-11-23",
    "at": "2026-11-23T10:15:00+08:00",
    "complete": True,
    "instruments": [
        {
            "instrument": "rb2701",
            "product": "rb",
            "exchange": "SHFE",
            "multiplier": 10,
            "tick": "1",
            "prev_settle": "3131",
            "last": "3120",
            "upper_limit": "3256",
            "lower_limit": "3006",
            "larger_side": True,
            "option": None,
        }
    ],
    "accounts": [{"account": "90000001", "name": "示例", "branch": "HZ", "pre_balance": "100000"}],
    "positions": [
        {
            "account": "90000001",
            "instrument": "rb2701",
            "direction": "long",
            "lots": 30,
            "today_lots": 0,
            "open_price": "3100",
            "margin_rate": "0.12",
            "exchange_margin_rate": "0.07",
        }
    ],
}
TICKS_EXAMPLE: Final[Json] = {
    "ticks": [{"instrument": "rb2701", "last": "3110", "at": "2026-11-23T10:15:01+08:00"}]
}
WHAT_IF_EXAMPLE: Final[Json] = {
    "accounts": None,
    "shocks": [{"product": "rb", "move": "-0.05"}, {"product": "rb", "margin_rate": "+0.02"}],
}


@cache
def document() -> Json:
    used = [each for each in vars(models).values() if _is_model(each)]
    _, schemas = models_json_schema([(each, "validation") for each in used], ref_template=REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "期台开放接口", "version": "1", "description": INTRO},
        "servers": [{"url": "/"}],
        "paths": _paths(),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "qidesk token create --scopes … 生成的令牌",
                }
            },
        },
    }


def _is_model(found: object) -> bool:
    own = (models.Model, models.Row)
    return isinstance(found, type) and issubclass(found, own) and found not in own


def _paths() -> Json:
    return {
        "/api/v1/push/snapshot": {
            "post": _operation(
                "推送快照",
                "好的行收下，坏的行列在 rejected 里，不影响其他行。"
                "complete 为 true 时替换本数据源当日此前所说的一切，"
                "否则只替换出现的账户（连同其全部持仓）。没有资金行的持仓，账户级别为异常。"
                "请求体最大 64 MiB，更大的请分批。",
                "data:push",
                body=(models.Snapshot, SNAPSHOT_EXAMPLE),
                good=(202, models.SnapshotTaken),
                parameters=[SOURCE],
                more=(404, 429),
            )
        },
        "/api/v1/push/ticks": {
            "post": _operation(
                "推送行情",
                "早于已知价格的行情不起作用。空列表表示数据源还活着。",
                "data:push",
                body=(models.Ticks, TICKS_EXAMPLE),
                good=(202, models.TicksTaken),
                parameters=[SOURCE],
                more=(404, 429),
            )
        },
        "/api/v1/accounts/{account}/risk": {
            "get": _operation(
                "一个账户的风险",
                "price_at_100、price_at_zero 是其他不变时该合约使风险度到 100%、权益到零的价格。"
                "suggestion 是使风险度不超过 100% 的最少平仓手数，停板平不掉的不算；只是建议。",
                "risk:read",
                good=(200, models.AccountRisk),
                parameters=[ACCOUNT],
                more=(404,),
            )
        },
        "/api/v1/risk/what-if": {
            "post": _operation(
                "情景测算",
                "按顺序施加冲击，比较前后。accounts 为 null 时算全部账户。",
                "risk:read",
                body=(models.WhatIf, WHAT_IF_EXAMPLE),
                good=(200, models.WhatIfAnswer),
                more=(404,),
            )
        },
        "/api/v1/alerts": {
            "get": _operation(
                "预警",
                "每次预警连同经过和送达，按变化先后，一次最多 500 条；"
                "用最后一条的 changed_at 作 since 接着取。",
                "risk:read",
                good=(200, models.Alerts),
                parameters=[SINCE, OF_ACCOUNT],
            )
        },
    }


def _parameter(name: str, where: str, schema: Json, description: str) -> Json:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "schema": schema,
        "description": description,
    }


SOURCE: Final = _parameter("source", "query", {"type": "string"}, "有多个推送数据源时指明其名称")
ACCOUNT: Final = _parameter(
    "account", "path", {"type": "string", "minLength": 1, "maxLength": LONGEST_ID}, "资金账号"
)
SINCE: Final = _parameter(
    "since",
    "query",
    {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}, {"maxLength": 0}]},
    "此时刻或此日起有变化的",
)
OF_ACCOUNT: Final = _parameter(
    "account",
    "query",
    {"type": "string", "maxLength": LONGEST_ID, "pattern": "^[!-~]*$"},
    "只看这个资金账号",
)


def _operation(
    summary: str,
    description: str,
    scope: str,
    *,
    good: tuple[int, type[BaseModel]],
    body: tuple[type[BaseModel], Json] | None = None,
    parameters: list[Json] | None = None,
    more: tuple[int, ...] = (),
) -> Json:
    status, model = good
    bad = {401, 403, 422, 503, *more} | ({400, 413, 415} if body else set())
    responses = {str(status): {"description": "成功", "content": _content(model)}}
    responses |= {str(each): _problem(each) for each in sorted(bad)}
    found: Json = {
        "summary": summary,
        "description": f"{description}\n\n权限：{scope}（{SCOPES[scope]}）。",
        "security": [{"token": []}],
        "parameters": parameters or [],
        "responses": responses,
    }
    if body:
        asked, example = body
        found["requestBody"] = {"required": True, "content": _content(asked, example)}
    return found


def _content(model: type[BaseModel], example: Json | None = None) -> Json:
    found: Json = {"schema": {"$ref": REF.format(model=model.__name__)}}
    if example:
        found["example"] = example
    return {"application/json": found}


def _problem(status: int) -> Json:
    found: Json = {
        "description": TITLES[status],
        "content": {CONTENT_TYPE: {"schema": {"$ref": REF.format(model="ProblemBody")}}},
    }
    if status == 429:
        wait: Mapping[str, object] = {"type": "integer"}
        found["headers"] = {"Retry-After": {"schema": wait, "description": "秒"}}
    return found
