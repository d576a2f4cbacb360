"""What the page of a day shows, computed from a replay directory.

Every topic is streamed; what is kept are open calls, working orders, accounts below zero, and sums
per step of time. Sums are exact: integers of cents. How the page looks: scripts/day_page.

    day.py               the door: all of the following, for a whole replay or a Chicago date
    topic_events.py      a directory's topics, line by line
    period.py tally.py   which stretch, in equal steps; a count with a sum
    orders.py            each order to one outcome
    executions.py        traded volume, by symbol and model
    cash_calls.py        settled, written off, open, aged: in total and over time
    funds_flow.py        the journal's postings as movements between parties
    net_settlements.py   nets and their payment, revenue shares
    best_quotes.py       a symbol's best quotes and executions, thinned out to what can be seen
    exceptions.py        dead letters, flags, accounts below zero
    client_files.py      what was delivered
"""
