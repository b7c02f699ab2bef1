"""URL rules in lighttpd's words: a request's path becomes a document's path.

Codecs (tokens, expressions, grammar, directives, conditions, targets, escapes; pcre and
what it is made of for patterns), policy (planning, scope, passage, ruleset), and the
presets as rules files.  hazards says which patterns a guest could make slow.
"""
