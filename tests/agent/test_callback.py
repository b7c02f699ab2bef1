"""Where a result is told: the URL of the header callbackurl."""

import pytest

from appliance.agent.callback import Destination
from appliance.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "destination", "authority"),
    [
        (
            "http://10.0.0.9:8080/zstack/asyncrest/callback",
            Destination("10.0.0.9", 8080, "/zstack/asyncrest/callback"),
            "10.0.0.9:8080",
        ),
        ("http://a.example", Destination("a.example", 80, "/"), "a.example:80"),
        ("http://a/b?c=d", Destination("a", 80, "/b?c=d"), "a:80"),
        ("http://[fd00::9]:81/", Destination("fd00::9", 81, "/"), "[fd00::9]:81"),
    ],
)
def test_a_url_is_read(url: str, destination: Destination, authority: str) -> None:
    assert Destination.parse(url) == destination
    assert destination.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a",
        "https://a/",
        "http://",
        "http:///x",
        "http://a:x/",
        "http://a:65536/",
        "http://a/b c",
        "http://a/\r\nX: y",
        "http://[fd00/",
        "http://\u00e9/",
        "http://a..b/",
        "http://.:80/",
        f"http://{'a' * 64}.example/",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    """issue 6.8: no URL that a caller sends ends the agent."""
    with pytest.raises(SettingsError, match="callbackurl"):
        Destination.parse(url)
