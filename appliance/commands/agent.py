"""`metalease agent`: ZStack's agent API, off unless it is started."""

import argparse
from pathlib import Path

from ..errors import SettingsError
from ..layout import Layout


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--socket", type=Path, metavar="PATH", help="a unix socket, for root alone"
    )
    where.add_argument(
        "--listen", metavar="ADDRESS:PORT", help="TCP, with a --token-file"
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="holds the token of the header `authorization: Bearer TOKEN`",
    )
    parser.set_defaults(act=run)


def run(options: argparse.Namespace, layout: Layout) -> int:
    from ..agent import service

    if options.listen is not None and options.token_file is None:
        raise SettingsError(
            "--listen",
            "whoever reaches it makes networks: give it a --token-file,"
            " or a --socket instead",
        )
    file = options.token_file
    token = None if file is None else service.read_token(file)
    socket = None if options.socket is None else options.socket.absolute()
    listen = options.listen
    address = None if listen is None else service.parse_listen(listen)
    return service.run(layout, service.Where(socket, address, token))
