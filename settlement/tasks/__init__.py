"""TASKS: what the live engine runs in one transaction each, still as pure functions.

    task.py            what every task is; a record and what was read in it; where events go
    chain.py           all tasks in the order in which funds flow
    quarantine.py      records that a person has quarantined: who skips them, who dead-letters
    market.py          best_quote
    market_feed.py     reference data, from market to every account partition
    trading.py         execution; it alone opens windows
    settlement.py      cash_call, customer_funding, aged_failure
    client_lines.py    what settlement sends to the clients' books, and its markers
    client_books.py client_nets.py rows.py
                       net_settlement, revenue_share, reports
    report_parts.py    a file as records of `report-issues`
    delivery.py        files that are to be put, and that they were

A task takes records of its input topics in one partition, one after the other, and says what it
emits and which of its records of state changed. The live engine (agents/) commits both with its
input positions; `verify` and `replay --recorded` refold the same tasks from recorded inputs.
"""
