"""WORDS: every event of the pipeline, one noun per file.

    money.py instant.py       how numbers and instants are read and written
    printable.py             text that is safe for a terminal, a log and a page
    event.py                 what all events share
    client.py instrument.py account.py            reference data          in
    price_tick.py -> best_quote.py                market data             in -> out
    order.py -> execution.py                      trade flow              in -> out
    cash_call.py apex_journal.py aged_failure.py  settlement flow         out
    funding.py                                    customer funding flow   in -> out
    net_settlement.py revenue_share.py            net settlement flow     in -> out
    journal.py balance.py report.py               books and files         out
    window.py dead_letter.py quarantine.py        time, refused inputs    out

What comes in is a frozen pydantic model: its decimals are checked and, where the contract lets a
bad number be answered by a dead letter, already integers of minor units. What goes out is a typed
dict in its wire form, ready for orjson: the decisions are the hot path and build nothing twice
(docs/decisions/0002-inputs-are-models-outputs-are-dicts.md). Both give JSON Schemas.
"""
