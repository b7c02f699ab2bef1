"""A strict, bounded HTTP/1.0 and 1.1 server for small documents (docs/design.md).

Codecs (messages, paths, listing), policy (connection, respond), shells (root, server).
"""
