"""Who opens one of our pages inside WeCom: its login, by redirection."""

from typing import Final
from urllib.parse import urlencode

from bot.platforms.wecom.api import Api
from bot.platforms.wecom.settings import WeComSettings

USER: Final = "/cgi-bin/auth/getuserinfo"


class Login:
    code_name: Final = "code"

    def __init__(self, settings: WeComSettings, api: Api) -> None:
        self._settings = settings
        self._api = api

    def address(self, back_to: str, state: str) -> str:
        """Where to send the browser; it comes back to ``back_to`` with ``code`` and ``state``.

        ``state`` is letters and digits, at most 128, and is to be bound to the browser by a cookie.
        The host of ``back_to`` must be the application's 可信域名.
        """
        query = {
            "appid": self._settings.corp_id,
            "redirect_uri": back_to,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
            "agentid": self._settings.agent_id,
        }
        base = self._settings.authorize_base
        return f"{base}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"

    async def user(self, code: str) -> str:
        """The member behind a code, which is good once and for five minutes; "" for an outsider.
        Raises OutsideError; a code of BAD_CODE says: send the browser again."""
        answer = await self._api.ask(USER, code=code)
        return str(answer.get("userid") or answer.get("UserId") or "")
