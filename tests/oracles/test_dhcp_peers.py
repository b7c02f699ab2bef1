"""Kea and dnsmasq are asked what we are asked: equal, or a difference that is listed.

The list, with its reasons, is docs/differences.md.
"""

import re
from pathlib import Path

import pytest

from .answers import differences
from .answers import ours
from .listed import DNSMASQ
from .listed import KEA
from .listed import Difference
from .peer import Answers
from .peer import ask_peer
from .questions import QUESTIONS

pytestmark = pytest.mark.machine

PAGE = Path(__file__).parents[2] / "docs/differences.md"
HEADING = "### To Kea 2.2 and dnsmasq 2.90"
VARYING = (58, 59)
"""dnsmasq takes a random part off T1 and T2."""


@pytest.fixture(scope="module")
def kea() -> Answers:
    return ask_peer("kea")


@pytest.fixture(scope="module")
def dnsmasq() -> Answers:
    return ask_peer("dnsmasq")


def listed(differences: tuple[Difference, ...], question: str) -> set[str]:
    return {
        facet
        for each in differences
        if question in each.questions
        for facet in each.facets.split(", ")
    }


@pytest.mark.parametrize("question", QUESTIONS)
def test_kea_says_the_same(kea: Answers, question: str) -> None:
    """dhcp 20, 21, 31, 32, 37, 45: Kea sends the same, or it is listed."""
    found = differences(kea[question], ours(QUESTIONS[question]))
    assert found == listed(KEA, question)


@pytest.mark.parametrize("question", QUESTIONS)
def test_dnsmasq_says_the_same(dnsmasq: Answers, question: str) -> None:
    """dhcp 20, 21, 31, 32, 37, 45: the same, of dnsmasq."""
    found = differences(dnsmasq[question], ours(QUESTIONS[question]), VARYING)
    assert found == listed(DNSMASQ, question)


def test_every_difference_has_its_reason() -> None:
    """What is listed is the table of the documentation, and that has nothing else."""
    _, found, rest = PAGE.read_text().partition(HEADING)
    assert found
    rows = re.findall(r"^\| (?!\|)(.+?) \|", rest.split("\n#")[0], re.MULTILINE)
    assert set(rows) == {each.row for each in (*KEA, *DNSMASQ)}
    for each in (*KEA, *DNSMASQ):
        assert each.questions, each
