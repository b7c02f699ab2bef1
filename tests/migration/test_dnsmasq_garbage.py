"""Files of dnsmasq's that are broken, anywhere: one error, or a plan, and no other."""

from collections import Counter
from pathlib import Path
from random import Random

from appliance.commands.plans import check_plan
from appliance.errors import SettingsError
from appliance.layout import Layout
from appliance.migration.dnsmasq import read_dnsmasq
from appliance.migration.report import report

from .dnsmasq_generator import draw
from .given import Given
from .test_dnsmasq_files import NEUTRON

CASES = 1_500
BITS = (
    *(
        ",",
        "=",
        "/",
        ":",
        "#",
        '"',
        "\\",
        "!",
        "*",
        " ",
        "\t",
        "",
        "\0",
        "é",
        "-1",
        "0",
    ),
    *("0.0.0.0", "10.1.0.5", "10.0.0.0/8", "[::1]", "02:00:00:00:00:01", "9" * 12),
    *("tag:", "set:", "option:", "static", "infinite", "a" * 300),
)


def broken(random: Random, text: str) -> str:
    lines = text.splitlines()
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(lines))
        line = lines[at]
        first = random.randrange(len(line) + 1)
        last = first + random.randrange(4)
        lines[at] = line[:first] + random.choice(BITS) + line[last:]
    return "".join(f"{line}\n" for line in lines)


def tree(random: Random) -> dict[str, str]:
    """Return a drawn configuration, or neutron's files, with something broken in it."""
    if random.random() < 0.5:
        return {"conf": broken(random, draw(random.randrange(300)).text)}
    name = random.choice(sorted(NEUTRON))
    return NEUTRON | {name: broken(random, NEUTRON[name])}


def test_garbage_gives_one_error_that_names_its_file() -> None:
    """issue 6.6: whatever is in the files, a plan that can be written, or SettingsError
    with a place in front; most of it still makes a plan."""
    random = Random(6)
    counts: Counter[str] = Counter()
    said: list[str] = []
    for _ in range(CASES):
        files = tree(random)
        try:
            plan = read_dnsmasq(Given(files), ["conf"])
            report(plan)
            check_plan(Layout(Path("/nowhere")), plan)
            counts["planned"] += 1
        except SettingsError as problem:
            said.append(str(problem))
            counts["refused"] += 1
    assert all(":" in each for each in said)
    assert counts["planned"] > CASES / 2, counts
    assert counts["refused"] > CASES / 50, counts
