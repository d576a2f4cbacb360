"""A trading day, made up from a seed, or months of them -> inputs. No rule is applied here.

day.py              the market and the stories as one stream of lines, in time order
options.py          what day to make
agenda.py           stories: what is to be said, and when
chance.py           chance from a seed
cast.py             who takes part: clients, customers and their habits
reference_data.py   clients and instruments
accounts.py         accounts: opened, changed, locked, closed
fundings.py         customers' money
net_wires.py        what clients and the platform pay each other
order_kinds.py orders.py order_flow.py   orders of every kind, around the market of their time
odd_orders.py       orders that are refused, repeated, cancelled
dirty_inputs.py     inputs that become dead letters
quote.py            the market as an order's sender sees it
synthetic_market.py file_market.py       the market: made up; real, from import-quotes
instrument.py       an instrument's event

The tables at the top of each file say what a day consists of. What customers hold and have is
guessed, on the low side, so that they sell what they can have.
"""
