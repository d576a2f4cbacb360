"""DECISIONS: every business rule, as pure functions of (state, event), in the order funds flow.

    calendar.py               Chicago time: windows, trade dates, bank days
    rounding.py cause.py      named roundings; ids that are functions of what caused an event
    provider_quote.py best_quote.py         BBO: what a provider quotes; best bid and offer
    submitted_order.py order.py             OMS: what an order says; may it work?
    commission.py             markup and commission
    working_orders.py execution.py order_update.py
                              OMS: fills, stops, expiries, and what is said of them; the windows
    fill.py                   an execution's numbers, between trading and settlement
    ledger.py customer_account.py       BTS: the table of postings; a customer's books
    trade_entries.py          BTS: the two entries of nearly every execution
    cash_call.py              BTS: each execution's money, at once and at retries
    apex_journal.py apex_answer.py      Apex calls: what the clearing firm is asked for, and says
    customer_funding.py ach_return_codes.py  deposits, withdrawals, adjustments
    aged_failure.py           calls that failed and are open
    net_settlement.py net_wire.py       one net a day per client, and what is said and paid of it
    revenue_share.py          a client's share of a month's revenue, less its write-offs
    client_ledger.py          the clients' own entries
    reports/                  the client's files
    clients.py                the stages of the clients' books, in order
    buying_power.py reconciliation.py   the client's side: what it makes of its files
    dead_letter.py remembered.py        refused inputs; ids that were acted on
    account.py                may an account be as it says?
    invariants.py             what must always hold

A state changes in place: an engine that must take a step back forgets the state and folds it anew.
Nothing here reads a clock, a file or a network.
"""
