"""COMMANDS: the doors of `settle`, one file each, no business rule.

A command imports the Kafka client, the S3 client and the live engine when it runs, not at the top:
Faust alone takes a second to load, and most commands need neither.

console.py settle.py   the console script: while it loads; all commands
process.py             signals, error lines and standard output of every command
credentials.py         addresses without the credentials in them
errors.py progress.py  an error that says what, where, and what to do; a bar for long work
settings.py            environment variables and one TOML file, read once; `settle config`
replay.py generate.py import_quotes.py verify.py report_day.py
                       streams and days, without a broker; day_page/: the page that shows a day
buying_power.py reconcile.py client_files.py client_options.py own_record.py export_journal.py
                       what a client and an accountant make of the files and the journal
kafka.py topics.py worker.py produce.py consume.py dump.py quarantine.py
                       live on Kafka; live.py: how they run, and how Kafka's errors reach a person
produced_records.py    what produce sends: an input's records, and the time between them
reports.py buckets.py  clients' files for the operator; their buckets as the settings say
apex_simulator.py simulated_firm.py   a clearing firm to try with
maven.py local_kafka.py broker_files/  a Kafka without Docker
schemas.py             `make schemas`: JSON Schemas and AsyncAPI for other programs
run_day.py             `make run`
bench.py bench_live.py order_times.py peers/
                       `make bench`, `make bench-live`
"""
