"""HISTORY ENGINE: historical streams through the whole pipeline, no broker.

read.py            JSON Lines in: files merged by time, bad values marked
usual_tick.py usual_order.py
                   the usual tick and order of a history, each read in one go
usual.py           what is read in one go, by topic
open_input.py      a file or a pipe that a person named
input_files.py     the inputs of a replay: links and copies in DIR/inputs, checksums
front_office.py    market, trading, and the windows that trading opens
back_office.py     what follows: settlement, clients' books and files, dead letters
engine.py          both in one process: each input, and all that it causes, before the next
processes.py       reader, front office and back office in three: the same bytes, sooner
line_values.py     lines on their way between processes
simulated_firm.py  a simulated clearing firm, where the input has no answers of a real one
spool.py           rows that wait for their file, on disk
output.py          the replay directory: written aside, shown when whole
summary.py         what happened, counted
quotes.py          real quotes of venues -> inputs
generate/          a trading day, made up -> inputs
bookkeeping/       the journal for beancount, hledger, a spreadsheet
day_page/          what the page of a day shows, added up
difference.py      the first difference that an audit finds, as one line
stored_summary.py surplus_files.py
                   the summary of a replay directory; files that no replay writes
refold.py refold_input.py refold_log.py refold_quarantine.py refold_difference.py
                   are live topics right? Every task partition again, from recorded inputs
recorded.py record_spool.py   `replay --recorded`: a dump obeyed; its records, on disk
recorded_directory.py
                   is what `replay --recorded` wrote right? Recomputed from its dump
"""
