"""ZStack's agent API: what its management server tells a host, as changes of networks.

A request is parsed once to an order of small commands (commands.py); pure functions say
what a command writes (bindings.py, documents.py, network_file.py); shells write it by
what the command line uses, and tell the management server how it went.
"""
