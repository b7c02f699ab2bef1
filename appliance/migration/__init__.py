"""The way over: what other programs' files say, as ours.

Readers are pure: text comes in, a `NetworkPlan` comes out; commands/plans.py writes it.
"""
