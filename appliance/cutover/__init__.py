"""The cut-over of a network from another program to us, and back.

What is found is remembered as values (found.py) in a journal before anything is
changed; each file knows one thing that is taken away or put back: their programs, the
namespace's links and addresses, the jump of ebtables, our daemon, the probe guest.
"""
