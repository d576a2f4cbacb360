"""The audit of a replay directory: everything refolded, independently of how it was made.

Nothing here imports a decision of settlement/: the contract is read a second time. Shared are the
words (schemas), the roads (topics), the calendar, the invariants and the reader of input lines.

    directory.py       the door: audit one directory, with or without its inputs
    audit.py           what is refolded, in which order; what must not be left over
    difference.py      the first difference, as one line
    topic_file.py event_schema.py     one topic, line by line, each event against its schema
    cause.py           ids of events: expected, or recomputed from what is written
    numbers.py         decimal strings and roundings

    trading, from its own events
      schedule.py      windows that have to open
      quotes.py        best quotes, and which of them a trade saw
      trading.py       step by step: windows, updates, executions
      update_causes.py order_ids.py       what an update's own fields tell
      orders.py        each order to its one end
      orders_at_work.py working_order.py  which orders work, and what is known of one
      fill.py          the arithmetic of an execution

    settlement, refolded: each next event is foretold and must be there
      account.py ledger.py entries.py   accounts, the journal, the table of contract section 9
      settlement.py                     cash calls, retries, aged failures
      journals.py firm_answers.py       journals of Apex calls, and a simulated firm's answers
      funding.py                        customer funding
      nets.py shares.py                 net settlements, revenue shares
      inputs_written.py funding_written.py net_written.py
                                        what inputs did, read off what was written
      files.py bucket.py                the clients' files, built again, byte by byte
      dead_letters.py summary.py        refused inputs; the stored counts and checksums

    with the inputs at hand
      answers.py         every input has its answer, every event its input
      admission.py order_answers.py     may the order work? contract section 6 read anew
      duties.py          what a quote has to make of the orders that it reaches
      quote_refold.py    best quotes out of the ticks: section 5 read anew
      funding_inputs.py  fundings as state machines: section 8 read anew
      net_inputs.py      wires and opinions: section 10 read anew
"""
