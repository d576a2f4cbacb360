"""AUDIT: a second reading of the contract. Is what a replay wrote right?

Nothing here imports a rule of settlement/: each event and file is computed again from the inputs,
and the directory must hold it next. Shared are the schemas, the topics, the calendar, the
invariants, the ACH return codes, and the modules of replay/ that read a directory. An import
contract in pyproject.toml lists them.

    directory.py       the entry: audit one directory against its inputs
    answers.py         input by input: what is due before it, what it causes, or its dead letter
    audit.py           what an execution or a window makes of the ledger; nothing is left over
    topic_file.py event_schema.py     one topic, line by line, each event against its schema
    numbers.py         decimal strings and roundings

    section of the contract
      1   cause.py dead_letters.py      event IDs; inputs that are not acted on
      4   trading.py                    time: windows and expiries, in order with the orders
      5   quotes.py                     best quotes
      6   admission.py                  the checks of a new order
          trading.py orders_at_work.py working_order.py    orders, from acceptance to their end
          fill.py                       the amounts of a fill
      7   settlement.py                 cash calls, retries, aged failures
          journals.py firm_answers.py   Apex journals; the answers of the simulated firm
      8   funding_inputs.py funding.py  funding steps, and what they cause
      9   account.py ledger.py entries.py    accounts, the journal, the table of entries
     10   net_inputs.py nets.py shares.py    net settlements and revenue shares
     11   files.py bucket.py            the clients' files, byte by byte
     12   summary.py                    the counts and sums of summary.json
"""
