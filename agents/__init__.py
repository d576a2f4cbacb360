"""LIVE ENGINE: the tasks on Kafka, exactly once; no business rule.

runner.py          the exactly-once runner: its argument, who owns which partitions; read it first
assignment.py partition.py parking.py
                   who gets which partitions; one partition, from fence to clean stop; a parked one
inputs.py transaction.py
                   which input is next; what is committed
restore.py quarantines.py task_state.py deadlines.py
                   state and what is skipped, restored to the end of all that was sent; deadlines
market.py trading.py settlement.py client_books.py delivery.py
                   one agent per task (pipeline/ says what it decides)
apex_gateway.py clearing_firm.py
                   journals to the clearing firm over HTTP, and its answers back
file_queues.py issued_files.py buckets.py
                   clients' files on their way: a queue for each client; what was issued; where to
issued_reports.py  every file and what became of it, and which clients there are, for settle reports
clock.py           the only reader of the wall clock: ClockTicked, about once a second
monitor.py         a Faust agent over derived streams: views for /status; losing it loses no money
app.py serve.py    the Faust app that hosts them all, its pages; how a worker starts and ends
health.py pages.py web_server.py
                   what /health and /status report; the pages; a server that no client can hold up
live.py broker.py  what an agent needs to know; how a client of the broker is made
record_batches.py  what was fetched, parsed by us: anybody may have written it
client_folder.py   what a client finds in its bucket, listed and read
topics.py          the catalogue on a broker: create, and what differs
positions.py producing.py live_topics.py
                   how far the pipeline has come; sending each input once; reading what is committed

Why a runner of our own, and why Faust hosts it: docs/decisions/0008 and 0009.
"""
