"""What a network's settings, and a binding's, grant a guest over HTTP."""

from httpd.contract import Limits
from httpd.gate import Terms
from httpd.pace import Rate

from .records import Record
from .settings import LimitSettings
from .settings import MetadataSettings

HELD_BACK = 2.0  # seconds that a request over its guest's rate waits at most
FILES = 3  # of a place: the connection, what it reads slowly, one that is refused
PART = 8  # where places are fewer than was said, one guest has this part of them


def terms_of(settings: MetadataSettings, record: Record | None) -> Terms:
    """Return what a guest's requests have to satisfy: its binding comes first."""
    endpoint, tokens = settings.endpoint, settings.tokens
    if record is not None:
        endpoint = endpoint if record.endpoint is None else record.endpoint
        tokens = record.tokens or tokens
    return Terms(
        endpoint,
        tokens == "required",
        settings.reject_forwarded,
        settings.hop_limit,
    )


def http_limits(limits: LimitSettings, files: int) -> Limits:
    """Return what the HTTP server lets a guest have, where *files* are for guests.

    As many places as there are files for: who comes when these are used up waits,
    however little others leave it of the places.
    """
    rate = Rate(limits.requests_per_second_per_ip, limits.burst_per_ip, HELD_BACK)
    total, each = limits.connections_total, limits.connections_per_ip
    places = max(1, files // FILES)
    if places < total:
        total, each = places, min(each, max(1, places // PART))
    return Limits(connections_total=total, connections_per_ip=each, rate=rate)
