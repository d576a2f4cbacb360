"""COMMANDS: the doors of `settle`, one file each, no business rule.

settle.py          the console script: all commands, and how errors reach a person
errors.py          an error that says what, where, and what to do
replay.py generate.py import_quotes.py verify.py config.py
run_day.py         `make run`
bench.py           `make bench`
"""
