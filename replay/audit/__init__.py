"""The audit of a replay directory: everything refolded, independently of how it was made.

    audit.py
"""
