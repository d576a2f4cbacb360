"""The same small stateful job on other engines, for `make bench-live`.

The job: read {"id", "v"} of a key, fold count and sum per key, write {"id", "v", "n", "sum"}, keep
state. Each is written as its own documentation suggests, and told the broker, its topics and a
group in its arguments.

runner_job.py      the exactly-once runner of agents/
aiokafka_job.py    aiokafka, one send per event, a transaction per batch, offsets in the transaction
faust_job.py       a Faust agent with a table
quixstreams_job.py quixstreams, exactly once, changelog on (in an environment of its own)
"""
