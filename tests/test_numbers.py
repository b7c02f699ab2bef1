"""What the documents say about numbers is so."""

import re
from pathlib import Path

import pytest

from appliance.metrics import COUNTERS
from appliance.metrics import GAUGES
from appliance.metrics import HISTOGRAMS

DOCS = Path(__file__).parent.parent / "docs"
NAME = re.compile(r"\bmetalease_[a-z_]+\b")
SERIES = {
    "metalease_up",
    "metalease_build_info",
    *(f"{name}_total" for name in COUNTERS),
    *HISTOGRAMS,
    *GAUGES,
}


@pytest.mark.parametrize("name", ["operating.md", "security.md", "design.md"])
def test_every_number_exists(name: str) -> None:
    """dhcp 72: a table or an alert that names a series names one that there is."""
    assert set(NAME.findall((DOCS / name).read_text())) <= SERIES


def test_an_operator_is_told_of_each_number_of_dhcp() -> None:
    """dhcp 72: each has its question in the table."""
    told = set(NAME.findall((DOCS / "operating.md").read_text()))
    assert {
        "metalease_dhcp_messages_total",
        "metalease_dhcp_naks_total",
        "metalease_dhcp_seconds",
        "metalease_dhcp_known_macs",
        "metalease_dhcp_unknown_macs",
        "metalease_dhcp_last_ack_age_seconds",
        "metalease_dhcp_notes_total",
        "metalease_dhcp_dropped_options_total",
        "metalease_dhcp_other_servers",
        "metalease_dhcp_other_server_sightings_total",
    } <= told
