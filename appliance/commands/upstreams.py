"""Whether anybody answers where a proxy.server leads, seen from the host's side."""

import socket

from rewrite.ruleset import RuleSet
from rewrite.upstreams import upstreams_of

PATIENCE = 1.0  # seconds for one upstream


def unanswered(rules: RuleSet) -> list[str]:
    """Return a note for each upstream of *rules* that takes no connection now."""
    notes = []
    for upstream in sorted(upstreams_of(rules)):
        host, _, port = upstream.rpartition(":")
        try:
            socket.create_connection((host, int(port)), PATIENCE).close()
        except OSError as problem:
            notes.append(
                f"proxy.server {upstream}: {problem.strerror or problem}:"
                " guests are answered 502 or 504 until somebody listens there"
            )
    return notes
