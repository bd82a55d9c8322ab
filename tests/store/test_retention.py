"""How long the file of a client must be kept."""

from datetime import date

from crm import clients
from crm.clients import NewClient
from crm.models import Client, ClientStatus
from tests.fakes.broker import Broker


async def test_the_file_of_a_client_who_left_is_kept_for_twenty_years(broker: Broker) -> None:
    async with broker.store.writing() as session:
        gone = NewClient(name="已销户", accounts=[("80099999", "CNY")], status=ClientStatus.CLOSED)
        here = NewClient(name="在户", accounts=[("80099998", "CNY")])
        ids = await clients.add_many(session, [gone, here], by="test")
        left, stays = [await session.get_one(Client, client_id) for client_id in ids]
        assert left.keep_until == date(2046, 11, 23)
        assert stays.keep_until is None
        clients.set_status(left, ClientStatus.CLOSED, date(2030, 1, 1))
        assert left.keep_until == date(2046, 11, 23)
        clients.set_status(left, ClientStatus.ACTIVE, date(2030, 1, 1))
        assert left.keep_until is None
