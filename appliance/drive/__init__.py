"""Config drives: a guest's documents on a disk of its own, for who has no network yet.

What is on it is read as a guest reads it over HTTP; pycdlib and mtools do the formats.
"""
