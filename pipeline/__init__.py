"""TOPOLOGY: the stages joined into tasks, in the order in which funds flow; no loops.

    price-ticks, instruments, clients
        | best_quote         task market        -> bbo, market-feed
        v
    market-feed, accounts, orders, clock
        | execution          task trading       -> order-updates, executions (with the windows)
        v
    executions, accounts, fundings, apex-journal-results
        | cash_call          task settlement    -> cash-calls, apex-journals, journal, balances,
        |   with apex_answer                       client-lines
        | customer_funding       (same)         -> funding-updates, journal, balances, client-lines
        | aged_failure           (same)         -> aged-failures, client-lines
        v
    client-lines, net-wires, clients
        | net_settlement     task client-books  -> net-settlements, journal
        | revenue_share          (same)         -> revenue-shares, journal
        | reports                (same)         -> report-issues
        v
    report-issues, report-puts
        | (which files wait) task delivery      -> report-deliveries

    task.py            what every task is; a record and what was read in it; where events go
    chain.py           all tasks in the order in which funds flow
    market.py trading.py settlement.py client_books.py delivery.py
                       one task each: its stages, its topics, its state
    market_feed.py     reference data, from market to every account partition
    client_lines.py    what settlement sends to the clients' books, and its markers
    client_nets.py rows.py  state of the clients' books: nets and shares, rows of open files
    report_parts.py    a file as records of `report-issues`
    quarantine.py      records that a person has quarantined: who skips them, who dead-letters
    books.py           the books of all partitions, as the invariants see them

A task takes records of its input topics in one partition, one after the other, and returns the
events that it emits and which records of its state changed. The live engine (agents/) commits both
with its input positions; `verify` and `replay --recorded` run the same tasks from recorded inputs.
A replay runs the same stages without tasks (replay/front_office.py, replay/back_office.py).
"""
