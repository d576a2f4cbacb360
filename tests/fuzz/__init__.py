"""Fuzz: random records of every kind, sent into a real broker and replayed, then audited.

sent.py          one record to be sent, and what must become of it
world.py         what the generator knows: accounts, quotes, fundings, journals, nets
reference.py market.py trading.py fundings.py firm.py nets.py
                 valid and contradictory events of each flow, drawn from that world
hostile.py       records that are refused for their form, and valid ones in unusual dress
limits.py        every limit of the contract, section 1, from both sides
generator.py     the mix of all these, by a seed
header_names.py  batches that no client library writes
plain.py         the same values as a plain history
live.py          records to the broker in batches; what the tasks applied and emitted meanwhile
course.py        one run: generate, kill workers, quarantine, drain, dump, replay, verify
counted.py       what became of every record, counted from the dump
targets.py       how often each kind must have occurred, and the table of counts
__main__.py      `make fuzz`
test_records.py  each record is refused for its form as it is meant; needs no broker
test_fuzz.py     a short run of it
COUNTS.md        the counts of the last full run, written by it
"""
