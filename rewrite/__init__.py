"""URL rules in lighttpd's words: a request's path becomes a document's path.

Codecs (tokens, grammar, patterns), policy (ruleset), and the presets as rules files.
"""
