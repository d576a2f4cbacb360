"""Chaos: everything is killed while a day is produced; then it is counted.

plan.py          what happens when, by a seed
fleet.py         the workers: started, killed, stopped, and started again as a supervisor does
brokers.py       one node or a cluster: killed and started again
transactions.py  which transactions are open, as the brokers say
load.py          made-up days of all models and kinds of events, produced by `settle produce`
firm.py          the clearing firm that answers Apex journals, with every fault it may have
course.py        one run: the plan carried out
measured.py      what is in the topics against what was produced: lost, doubled, unanswered, wrong
journals.py nets.py fundings.py files.py
                 the same of each flow of funds, counted for itself
counts.py        what is counted
figures.py       the table at the end, and what must hold in it
__main__.py      `make chaos`
test_chaos.py    a short run of it
"""
