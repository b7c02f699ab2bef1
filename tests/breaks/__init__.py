"""One-line breaks: each is applied to a copy, and has to make its test fail.

A table is `<spec>/<subject>.toml`; what it holds is in table.py.
"""
