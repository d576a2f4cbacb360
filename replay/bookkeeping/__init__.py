"""The journal for bookkeeping programs of others: the same entries, in the words of each.

export.py        a replay directory's journal, line by line, into one file
beancount.py hledger.py table.py   the formats: each entry as text

Signs are the ledger's own (contract section 9): value moves from negative to positive. So an income
account is positive here where bookkeeping programs show income as negative.
"""
