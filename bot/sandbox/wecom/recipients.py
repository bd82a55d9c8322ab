"""Whom a message of an app reaches: user ids, departments and tags, told apart and counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.wecom.calls import Problem
from bot.sandbox.wecom.contacts import Contacts

USERS, PARTIES = 1000, 100
EVERYBODY = "@all"


@dataclass(frozen=True, slots=True)
class Recipients:
    """``people`` once each, in order; what is unknown in lower case."""

    people: tuple[str, ...]
    bad_users: tuple[str, ...] = ()
    bad_parties: tuple[str, ...] = ()
    bad_tags: tuple[str, ...] = ()

    def invalid(self) -> dict[str, str]:
        """As ``message/send`` answers it."""
        return {
            "invaliduser": "|".join(self.bad_users),
            "invalidparty": "|".join(self.bad_parties),
            "invalidtag": "|".join(self.bad_tags),
            "unlicenseduser": "",
        }


def read_recipients(given: Mapping[str, Any], contacts: Contacts) -> Recipients:
    """Of ``touser``, ``toparty`` and ``totag``. Raises Problem."""
    users, parties, tags = (ids(given.get(name)) for name in ("touser", "toparty", "totag"))
    if not users and not parties and not tags:
        raise Problem(40003, "touser, toparty and totag are all empty")
    if users == [EVERYBODY]:
        return Recipients(tuple(contacts.everybody()))
    return find_recipients(users, parties, tags, contacts)


def find_recipients(
    users: list[str], parties: list[str], tags: list[str], contacts: Contacts
) -> Recipients:
    """Raises Problem when a list is too long, or nobody is left."""
    if len(users) > USERS:
        raise Problem(82002, "too many users")
    if len(parties) > PARTIES or len(tags) > PARTIES:
        raise Problem(82003, "too many parties or tags")
    people: dict[str, None] = {}
    bad: dict[str, list[str]] = {"user": [], "party": [], "tag": []}
    for user in users:
        if found := contacts.find(user):
            people[found.id] = None
        else:
            bad["user"].append(user.lower())
    for kind, wanted, members in (
        ("party", parties, contacts.of_party),
        ("tag", tags, contacts.of_tag),
    ):
        for one in wanted:
            found_people = members(one)
            if found_people is None:
                bad[kind].append(one.lower())
            else:
                people |= dict.fromkeys(found_people)
    if not people:
        raise Problem(81013)
    return Recipients(tuple(people), tuple(bad["user"]), tuple(bad["party"]), tuple(bad["tag"]))


def ids(given: object) -> list[str]:
    """The ids that ``|`` joins."""
    return [one for one in str(given).split("|") if one] if given else []
