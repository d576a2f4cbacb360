"""Inputs at their limits (contract section 1) and one step beyond: values, and small histories.

values.py   every field of every input event: what passes, and what does not
*.jsonl     small histories, each with inputs beyond a limit
"""
