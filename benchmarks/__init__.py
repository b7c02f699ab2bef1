"""Measurements, each beside what it has to be compared with. See README.md."""
