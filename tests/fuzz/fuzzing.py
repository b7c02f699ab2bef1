"""A target is called with whatever libFuzzer finds by coverage, with atheris."""

import sys
import tempfile
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

import atheris  # type: ignore[import-untyped] # it ships no types

SLOW = 5  # seconds for one input: a fault


def fuzz(
    target: Callable[[bytes], None],
    seeds: Iterable[bytes],
    *,
    seconds: int,
    octets_at_most: int,
) -> None:
    """Call *target* for *seconds*; libFuzzer prints its counts and ends the process."""
    corpus = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={octets_at_most}",
        f"-timeout={SLOW}",
        f"-artifact_prefix={corpus}-",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target)
    atheris.Fuzz()
