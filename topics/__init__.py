"""ROADS: the catalogue of topics as data, and how a value that travels on one is read.

catalogue.py        every topic of contract section 2: name, key, events, retention, cleanup
partition.py        the partition of a key: murmur2, as Java clients do
decode.py           one record of an input topic -> its event, or why it is a dead letter
cloud_events.py     the headers of a record
input_positions.py  how far a task has applied its inputs, as its state says it
"""
