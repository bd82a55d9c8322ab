"""The invented broker: what tours, tests and benchmarks may rely on."""

import re
from collections import Counter
from datetime import date

import pytest

from bot.sandbox import names
from bot.sandbox.broker import GUESTS, Broker, Client, invent
from bot.sandbox.numbers import seeded


@pytest.fixture(scope="module")
def broker() -> Broker:
    return invent()


def owned_by(broker: Broker, owner: str) -> list[Client]:
    return [client for client in broker.clients if client.owner == owner]


def named(broker: Broker, name: str) -> list[Client]:
    return [client for client in broker.clients if client.name.text == name]


class TestGivenASeed:
    def test_it_is_always_the_same_broker(self, broker: Broker) -> None:
        assert invent(7, 2000) == broker

    def test_another_seed_is_another_broker(self, broker: Broker) -> None:
        assert invent(8, 50).clients != broker.clients[:50]

    def test_a_larger_broker_begins_with_the_clients_of_a_smaller_one(self, broker: Broker) -> None:
        assert invent(7, 300).clients == broker.clients[:300]


class TestGivenTheClients:
    def test_accounts_count_up_from_80010001(self, broker: Broker) -> None:
        accounts = [client.account for client in broker.clients]
        assert accounts == [str(80010001 + place) for place in range(2000)]

    @pytest.mark.parametrize("clients", [200, 500, 2000])
    @pytest.mark.parametrize("owner", ["wangqiang", "limin", "zhaolei"])
    def test_each_manager_has_fifty_whose_names_nobody_else_has(
        self, owner: str, clients: int
    ) -> None:
        broker = invent(7, clients)
        count = Counter(client.name.text for client in broker.clients)
        own = [client for client in owned_by(broker, owner) if count[client.name.text] == 1]
        assert len(own) >= 50

    def test_wangqiang_has_the_surnames_that_are_read_otherwise(self, broker: Broker) -> None:
        own = {client.name.text: client.name.pinyin for client in owned_by(broker, "wangqiang")}
        assert own["单晓军"] == "shanxiaojun"
        assert own["曾国伟"] == "zengguowei"
        assert own["解文静"] == "xiewenjing"
        assert own["仇海涛"] == "qiuhaitao"
        assert own["区嘉敏"] == "oujiamin"
        assert own["查英芳"] == "zhayingfang"

    def test_two_of_his_clients_have_one_name_and_another_name_is_also_limins(
        self, broker: Broker
    ) -> None:
        assert [client.owner for client in named(broker, "陈静")] == ["wangqiang", "wangqiang"]
        assert [client.owner for client in named(broker, "刘洋")] == ["wangqiang", "limin"]

    def test_the_tours_zs_finds_three(self, broker: Broker) -> None:
        found = [each.name.text for each in broker.clients if each.name.initials.startswith("zs")]
        assert found == ["张三", "张思远", "赵胜"]

    def test_zhang_san_is_as_the_tour_tells(self, broker: Broker) -> None:
        [zhang_san] = named(broker, "张三")
        assert (zhang_san.account, zhang_san.owner, zhang_san.tier) == (
            "80010023", "wangqiang", "A",
        )  # fmt: skip
        assert re.fullmatch(r"138\d{4}6688", zhang_san.mobile)
        assert re.fullmatch(r"3301\d{10}1234", zhang_san.id_number)
        kinds = {each.kind: each.until for each in zhang_san.permissions}
        assert kinds == {"商品": None, "原油": None, "期权": date(2027, 3, 31)}

    def test_there_is_some_of_everything(self, broker: Broker) -> None:
        everyone = broker.clients
        companies = sum(client.is_company for client in everyone)
        assert 50 <= companies <= 110
        assert {client.tier for client in everyone} == {"A", "B", "C"}
        assert {client.status for client in everyone} == {"active", "dormant"}
        assert {client.risk for client in everyone} == {"C1", "C2", "C3", "C4", "C5"}
        assert {client.branch for client in everyone} == {"HZ", "SH"}
        assert any(not client.owner for client in everyone)
        currencies = {fund.currency for client in everyone for fund in client.accounts}
        assert currencies == {"CNY", "USD"}

    def test_an_owners_clients_are_in_his_branch(self, broker: Broker) -> None:
        branch = {person.id: person.branch for person in broker.people}
        assert all(each.branch == branch[each.owner] for each in broker.clients if each.owner)

    def test_no_two_fund_accounts_share_a_number(self, broker: Broker) -> None:
        accounts = [fund.account for client in broker.clients for fund in client.accounts]
        assert len(accounts) == len(set(accounts))

    def test_rows_have_the_agreed_shape(self, broker: Broker) -> None:
        [row] = broker.rows(1)
        assert list(row) == [
            "account", "name", "pinyin", "initials", "owner", "branch", "tier", "status",
            "mobile", "id_number", "bank_card", "risk",
        ]  # fmt: skip
        assert len(broker.rows()) == 2000


class TestGivenTheNumbers:
    def test_mobiles_are_of_segments_that_people_have(self, broker: Broker) -> None:
        assert all(re.fullmatch(r"1[3-9]\d{9}", client.mobile) for client in broker.clients)

    def test_bank_cards_pass_luhn(self, broker: Broker) -> None:
        for client in broker.clients:
            assert re.fullmatch(r"62\d{17}", client.bank_card)
            from_the_right = [int(digit) for digit in reversed(client.bank_card)]
            doubled = [sum(divmod(2 * digit, 10)) for digit in from_the_right[1::2]]
            assert (sum(from_the_right[::2]) + sum(doubled)) % 10 == 0

    def test_people_have_valid_id_numbers_of_their_birthday(self, broker: Broker) -> None:
        people = [client for client in broker.clients if not client.is_company]
        for client in people:
            number, weights = client.id_number, [2**power % 11 for power in range(17, -1, -1)]
            digits = [10 if character == "X" else int(character) for character in number]
            assert sum(d * w for d, w in zip(digits, weights, strict=True)) % 11 == 1
            assert client.birthday is not None
            assert number[6:14] == f"{client.birthday:%Y%m%d}"
        assert len({client.id_number for client in people}) == len(people)

    def test_companies_have_valid_credit_codes(self, broker: Broker) -> None:
        alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
        companies = [client for client in broker.clients if client.is_company]
        for client in companies:
            values = [alphabet.index(character) for character in client.id_number]
            weights = [pow(3, place, 31) for place in range(17)] + [1]
            assert sum(v * w for v, w in zip(values, weights, strict=True)) % 31 == 0
            assert client.id_number.startswith("91")
            assert client.birthday is None


class TestGivenThePeople:
    def test_they_are_the_agreed_ones(self, broker: Broker) -> None:
        roles = Counter(person.role for person in broker.people)
        assert roles == {
            "manager": 3, "head": 2, "suitability": 1, "compliance": 1, "opening_desk": 1,
            "risk": 2, "system_admin": 2, "security_admin": 2, "audit_admin": 2,
        }  # fmt: skip
        assert [person.id for person in broker.people if person.on_duty] == ["chenxi"]
        assert [branch.name for branch in broker.branches] == ["杭州营业部", "上海营业部"]


class TestGivenNames:
    @pytest.mark.parametrize(("text", "surname", "pinyin", "initials"), [
        ("尉迟明", "尉迟", "yuchiming", "ycm"),
        ("欧阳娜", "欧阳", "ouyangna", "oyn"),
        ("吕绿", "吕", "lvlv", "ll"),
        ("单单", "单", "shandan", "sd"),
        ("朴春花", "朴", "piaochunhua", "pch"),
    ])  # fmt: skip
    def test_only_the_surname_is_read_as_one(
        self, text: str, surname: str, pinyin: str, initials: str
    ) -> None:
        assert names.read(text, surname) == names.Name(text, pinyin, initials)

    def test_frequent_surnames_are_frequent(self) -> None:
        random = seeded("names")
        drawn = Counter(names.person(random, female=False).text[0] for _ in range(2000))
        assert drawn["王"] > 5 * drawn["钱"]

    def test_guests_need_no_more_clients_than_there_are(self) -> None:
        assert max(GUESTS) < 2000
