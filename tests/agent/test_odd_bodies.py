"""Bodies that nobody writes: each is an order, or the one error."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.commands import PATHS
from appliance.agent.commands import parse
from appliance.errors import SettingsError
from tests.agent.test_commands import BODIES
from tests.agent.test_commands import FOLDER
from tests.agent.test_commands import GAINED
from tests.agent.test_commands import INFO
from tests.agent.test_commands import MOVED
from tests.agent.test_commands import SERVER
from tests.agent.test_commands import USERDATA

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats()
VALUES = LEAVES | st.sampled_from(["10.0.0.5", "255.255.255.0", "fa:16:3e:00:00:05"])
LISTS = ("dhcpInfos", "dhcp", "userdata", "userdataList", "hostRoutes", "targetIps")
NAMES = {*INFO, *USERDATA, *SERVER, *MOVED, *GAINED, "agentConfig", "rebuild", "port"}
KEYS = st.sampled_from(sorted({*LISTS, *NAMES}))
BODY = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=9)
    ),
    max_leaves=20,
)


@given(path=st.sampled_from(sorted(PATHS)), body=BODY | st.dictionaries(KEYS, BODY))
def test_any_body_is_an_order_or_the_one_error(path: str, body: object) -> None:
    with suppress(SettingsError):
        parse(path, body)


@given(data=st.data(), number=st.integers(0, len(BODIES) - 1))
def test_a_body_with_one_odd_value(data: st.DataObject, number: int) -> None:
    """What is right but for one value is an order, or the one error."""
    path, body, _ = BODIES[number]
    odd = json.loads(json.dumps(body))
    place = odd
    for _ in range(data.draw(st.integers(0, 3))):
        inner = [each for each in _inside(place) if isinstance(each, dict | list)]
        if not inner:
            break
        place = data.draw(st.sampled_from(inner))
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    if keys:
        place[data.draw(st.sampled_from(keys))] = data.draw(BODY)
    with suppress(SettingsError):
        parse(FOLDER + path, odd)


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value)


ALONE = "\ud800"  # half of a pair: JSON can say it, UTF-8 cannot


@pytest.mark.parametrize(
    "odd",
    [
        {"metadata": {"vmUuid": ALONE}},
        {"metadata": {"vmUuid": "u", "vmHostname": ALONE}},
        {"agentConfig": {"pvpanic": ALONE}},
        {"agentConfig": {"pvpanic": {"a": 1}}},
        {"agentConfig": [1]},
    ],
)
def test_what_no_document_can_hold_is_refused(odd: dict[str, Any]) -> None:
    """issue 6.8: By its key; a part of user-data alone may be any text."""
    with pytest.raises(SettingsError, match="userdata"):
        parse(FOLDER + "userdata/apply", {"userdata": {**USERDATA, **odd}})
