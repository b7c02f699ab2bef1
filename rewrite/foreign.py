"""lighttpd's settings that rules have no use for, and what to write instead."""

from typing import NoReturn

from .directives import READERS
from .expressions import Value
from .tokens import Token

ADVICE = {
    # the setting, or what it begins with: what to say
    "server.port": "write ports = [..] under [metadata] in the network's file",
    "server.bind": "the addresses are the network's: leave it out",
    "server.modules": "nothing is loaded: leave it out",
    "server.max-": "write the limits under [limits] in the network's file",
    "server.": "the daemon is set up in the network's file: leave it out",
    "accesslog.": "the journal has a line a request: leave it out",
    "mimetype.": 'write metalease.content-type = ".." inside $HTTP["url"] =~ ".." { }',
    "dir-listing.": "a directory is listed as names, one a line: leave it out",
    "index-file.": "a directory is listed as names, one a line: leave it out",
    "setenv.set-response-header": "write setenv.add-response-header",
    "setenv.": "setenv.add-response-header is known",
    "url.access-allow": "write url.access-deny, or leave out what is not to be served",
    "proxy.": "proxy.server is known, for an exact path",
    "fastcgi.": "no program is run: write a file, or proxy.server",
    "cgi.": "no program is run: write a file, or proxy.server",
    "ssl.": "guests ask for metadata without TLS: leave it out",
    "auth.": "the address says who asks, and tokens: write tokens under [metadata]",
    "debug.": "metalease explain shows what each rule does: leave it out",
    "static-file.": "leave it out, or write url.access-deny",
    "etag.": "leave it out",
}


def refuse(key: Token, _: Value) -> NoReturn:
    """Raise the error of a setting that is not known here."""
    for begin, advice in ADVICE.items():
        if key.text.startswith(begin) and advice:
            key.fail(f"{key.text} is not known here: {advice}")
    kind, _dot, _rest = key.text.partition(".")
    near = [name for name in READERS if name.startswith(f"{kind}.")]
    known = ", ".join(near or READERS)
    key.fail(f"{key.text} is not known: {known} are")
