"""A daemon's way to the host's side: whether it needs one, and its end of the line."""

import socket

import trio

from rewrite.ruleset import RuleSet
from rewrite.upstreams import upstreams_of

from .layout import NetworkLayout
from .metrics import Metrics
from .naming import routes
from .proxy.porter import Porter
from .resolver.channel import Channel
from .resolver.upstreams import Routes
from .settings import Settings

NOWHERE = Routes(())


def asked(settings: Settings) -> Routes:
    """Return whom the network's resolver asks; nobody where there is no resolver."""
    return routes(settings) if settings.dns.enabled else NOWHERE


def needs_forwarder(settings: Settings, rules: RuleSet) -> bool:
    """Whether somebody outside is asked: for names, or for what is an upstream's."""
    return bool(asked(settings) or upstreams_of(rules))


class Outside:
    """The daemon's end: of *line*, or of the one that the host's forwarder gives."""

    def __init__(
        self,
        settings: Settings,
        rules: RuleSet,
        files: NetworkLayout,
        line: socket.socket | None,
    ) -> None:
        self.channel: Channel | None = None
        """None where nobody is asked."""
        if needs_forwarder(settings, rules):
            path = None if line is not None else files.layout.forward_socket
            self.channel = Channel(settings.name, line, path)
        self.porter = Porter(self.channel)

    def start(self, nursery: trio.Nursery) -> None:
        if self.channel is not None:
            nursery.start_soon(self.channel.run)

    def measure(self, metrics: Metrics) -> None:
        self.porter.measure(metrics)
