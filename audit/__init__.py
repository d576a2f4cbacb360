"""The audit of a replay directory: everything refolded, independently of how it was made.

Nothing here imports a decision of settlement/: the contract is read a second time. Shared are the
words (schemas), the roads (topics), the calendar, the invariants and the reader of input lines.

    directory.py       the entry: audit one directory against its inputs
    answers.py         input by input: each has its answer, each event its input
    audit.py           what trading did is settled; what must not be left over
    topic_file.py event_schema.py     one topic, line by line, each event against its schema
    cause.py           ids of events: expected, or recomputed from what is written
    numbers.py         decimal strings and roundings

    trading, from its own events
      schedule.py      windows that have to open
      quotes.py        best quotes, and which of them a trade saw
      trading.py       step by step: windows, updates, executions
      update_causes.py                    which topic an update's cause came from
      orders.py        each order to its one end
      orders_at_work.py working_order.py  which orders work, and what is known of one
      fill.py          the arithmetic of an execution

    settlement, refolded: each next event is foretold and must be there
      account.py ledger.py entries.py   accounts, the journal, the table of contract section 9
      settlement.py                     cash calls, retries, aged failures
      journals.py firm_answers.py       journals of Apex calls, and a simulated firm's answers
      funding.py                        customer funding
      nets.py shares.py                 net settlements, revenue shares
      files.py bucket.py                the clients' files, built again, byte by byte
      dead_letters.py summary.py        refused inputs; the stored counts and checksums

    what inputs have to cause
      admission.py order_answers.py     may the order work? contract section 6 read anew
      duties.py          what a quote has to make of the orders that it reaches
      quote_refold.py    best quotes out of the ticks: section 5 read anew
      funding_inputs.py  fundings as state machines: section 8 read anew
      net_inputs.py      wires and opinions: section 10 read anew
"""
