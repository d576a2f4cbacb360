"""Files to the client's S3 (domain.md section 9): each a pure function of the client's books.

books.py               what a client's lines add up to, and which files a window issues
rows.py                where rows wait for their file
report.py              what a file is: its key, header, rows and control total
execution_order.py     in which order files list executions
aged_tpj.py            AGED_REPORT 09:30, 19:30 and START_OF_DAY 16:40
net_settlement.py      NET_SETTLEMENT 09:00: a window's lines, and their sums by symbol
execution_confirm.py   START_OF_DAY: the executions of the last day, with their calls' status
positions.py           START_OF_DAY: every pair ever held
cash_balance.py        START_OF_DAY: settled and unsettled cash
cash_activity.py       START_OF_DAY: every movement of the last day
"""
