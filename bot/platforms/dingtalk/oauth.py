"""Who opens one of our pages: DingTalk's login for websites, by redirection.

A code gives a token of the person's, the token the person's unionid, and our own company's contacts
say which member that is: whoever is none is an outsider, whatever company was chosen on the way.
"""

from typing import Final
from urllib.parse import quote, urlencode

from bot.platforms.dingtalk.api import Api
from bot.platforms.dingtalk.contacts import Contacts
from bot.platforms.dingtalk.settings import DingTalkSettings
from crm.kernel.errors import Outcome, OutsideError

ME: Final = "/v1.0/contact/users/me"


class Login:
    code_name: Final = "authCode"

    def __init__(self, settings: DingTalkSettings, api: Api, contacts: Contacts) -> None:
        self._settings = settings
        self._api = api
        self._contacts = contacts

    def address(self, back_to: str, state: str) -> str:
        """Where to send the browser; it comes back to ``back_to`` with ``authCode`` and ``state``,
        or with ``error`` from whoever does not consent.

        ``back_to`` must be among the app's 重定向 URL (official doc). With ``corpId`` nobody who
        belongs to several companies is asked for which (seen in 1, which quotes the official doc).
        """
        query = {
            "redirect_uri": back_to,
            "response_type": "code",
            "client_id": self._settings.client_id,
            "scope": "openid corpid",
            "state": state,
            "prompt": "consent",
        }
        if self._settings.corp_id:
            query["corpId"] = self._settings.corp_id
        return f"{self._settings.authorize_base}/oauth2/auth?{urlencode(query, quote_via=quote)}"

    async def user(self, code: str) -> str:
        """The member behind a code, which is good once and for five minutes (unsure); "" for an
        outsider. Raises OutsideError, REFUSED for a code that is good no more."""
        token = await self._api.user_token(code)
        try:
            return await self._contacts.user_of_union(await self._union(token))
        except OutsideError as error:  # a permission we lack: the person's code was good
            raise OutsideError(error.where, error.code, Outcome.RETRY) from None

    async def _union(self, token: str) -> str:
        union = (await self._api.as_user(token, ME)).get("unionId")
        if not (isinstance(union, str) and union):
            raise OutsideError(ME, "shape", Outcome.RETRY)
        return union
