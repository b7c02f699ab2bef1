"""Paths that an upstream answers, which only the host's side reaches (proxy.server)."""
