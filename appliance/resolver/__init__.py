"""The network's resolver: names of its guests, and a way to everybody else's.

Codecs (wire, responses), policy (names, zones, cache, upstreams, policy), shells
(server, channel, forwarder).  What is known here is answered in line from octets; what
has to be asked elsewhere goes to the forwarder, a process on the host's side.
"""
