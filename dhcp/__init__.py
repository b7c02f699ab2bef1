"""DHCPv4 for guests whose addresses are known (docs/design.md).

Codecs (codes, hardware, routes, formats, options, message, frames), policy (network,
bindings, assembly, destination, responder), shell (port, server).
"""
