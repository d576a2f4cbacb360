"""Clients and instruments as they are at the start, and a client that changes."""

from replay.generate.agenda import Agenda, Story
from replay.generate.cast import CHEAPER_AT_MID_DAY, Cast, Client
from replay.generate.instrument import HALTED, UNQUOTED, instrument
from schemas.money import usd
from topics.catalogue import CLIENTS, INSTRUMENTS


def reference_data(agenda: Agenda, cast: Cast) -> Story:
    """Say the clients, and the instruments that the market does not bring."""
    yield agenda.start, CLIENTS
    for client in cast.clients:
        _say_client(agenda, client)
    yield agenda.start, INSTRUMENTS
    for symbol, tradable in ((HALTED, False), (UNQUOTED, True)):
        fields = instrument(symbol, agenda.now, 2_000, tradable=tradable)
        agenda.say(INSTRUMENTS, "InstrumentUpdated", fields)


def cheaper_client(agenda: Agenda, cast: Cast) -> Story:
    """Lower a client's commission at mid-day."""
    if any(client.code == CHEAPER_AT_MID_DAY.code for client in cast.clients):
        yield agenda.part(500), CLIENTS
        _say_client(agenda, CHEAPER_AT_MID_DAY)


def _say_client(agenda: Agenda, client: Client) -> None:
    agenda.say(
        CLIENTS,
        "ClientUpdated",
        {
            "client": client.code,
            "name": client.name,
            "commission_model": client.commission_model,
            "markup_bps": str(client.markup_bps),
            "markup_fixed": usd(client.markup_fixed),
            "commission_bps": str(client.commission_bps),
            "commission_fixed": usd(client.commission_fixed),
            "commission_minimum": usd(client.commission_minimum),
            "revenue_share_bps": str(client.revenue_share_bps),
        },
    )
