"""A whole lighttpd.conf, as ZStack writes it: its rules, and all else that it says."""

from ipaddress import IPv4Address

import pytest

from rewrite.errors import RuleSyntaxError
from rewrite.lighttpd import parse_lighttpd_conf
from rewrite.ruleset import Asked
from rewrite.ruleset import RuleSet

# zstack 3.2, 3.3: the settings, two proxies, a block an address, and the rest
CONF = r"""
server.document-root = "/var/lib/zstack/userdata/br_eth0_x/html"
server.port = 1180
server.bind = "169.254.169.254"
server.modules = ("mod_proxy", "mod_rewrite", "mod_access", "mod_accesslog")
server.modules += ("mod_alias")
var.logs = "/var/log/lighttpd"
accesslog.filename = logs + "/access.log"
dir-listing.activate = "enable"
index-file.names = ( "index.html" )
mimetype.assign = (
    ".html" => "text/html",
    ".txt" => "text/plain",
)
$HTTP["url"] =~ "^/metrics/job" {
    proxy.server = ( "" =>
       ( ( "host" => "169.254.64.1", "port" => 9092 ) )
    )
} else $HTTP["url"] =~ "^/host" {
    proxy.server = ( "" =>
       ( ( "host" => "169.254.64.1", "port" => 7070 ) )
    )
} else $HTTP["remoteip"] == "10.0.0.5" {
    url.rewrite-once = (
        "^/.*/meta-data/(.+)$" => "/10.0.0.5/meta-data/$1",
        "^/.*/user-data$" => "/10.0.0.5/user-data",
    )
} else $HTTP["remoteip"] == "10.0.0.6" {
    url.rewrite-once = ("^/.*/user-data$" => "/10.0.0.6/user-data")
} else {
    url.rewrite-once = ("^/$" => "../zstack-default/")
}
"""


def test_the_rules_of_a_conf() -> None:
    """What rules can hold is rules, and answers as a rules file does (issue 6.6)."""
    found = parse_lighttpd_conf(CONF, "lighttpd.conf")
    rules = RuleSet.parse(("lighttpd.conf", found.block))

    def ask(ip: str, path: str) -> tuple[str | None, str | None] | None:
        rewrite = rules.apply(Asked(path, IPv4Address(ip)))
        return None if rewrite is None else (rewrite.target, rewrite.proxy)

    assert ask("10.0.0.5", "/latest/user-data") == ("/10.0.0.5/user-data", None)
    assert ask("10.0.0.6", "/latest/user-data") == ("/10.0.0.6/user-data", None)
    assert ask("10.0.0.6", "/host/x") == ("/host/x", "169.254.64.1:7070")
    assert ask("10.0.0.7", "/") is None


def test_all_that_a_conf_says() -> None:
    """Every setting is there with its value, its place and the blocks around it, and
    with the reason where rules do not hold it (issue 6.6: the report)."""
    settings = parse_lighttpd_conf(CONF, "lighttpd.conf").settings
    by_name = {each.name: each for each in settings}
    port = by_name["server.port"]
    assert (port.value, port.file, port.line, port.around) == (
        1180,
        "lighttpd.conf",
        3,
        (),
    )
    assert port.problem is not None
    assert "write ports = [..]" in port.problem
    assert by_name["accesslog.filename"].value == "/var/log/lighttpd/access.log"
    assert by_name["server.modules"].value == [
        *("mod_proxy", "mod_rewrite", "mod_access", "mod_accesslog", "mod_alias"),
    ]
    assert by_name["mimetype.assign"].pairs == (
        (".html", "text/html"),
        (".txt", "text/plain"),
    )
    proxies = [each for each in settings if each.name == "proxy.server"]
    assert proxies[0].value == {"": [{"host": "169.254.64.1", "port": 9092}]}
    assert proxies[0].around == ('$HTTP["url"] =~ "^/metrics/job"',)
    assert [each.problem for each in proxies] == [None, None]
    rules = [each for each in settings if each.name == "url.rewrite-once"]
    assert rules[0].pairs[1] == ("^/.*/user-data$", "/10.0.0.5/user-data")
    assert [each.around[-1] for each in rules] == [
        *('$HTTP["remoteip"] == "10.0.0.5"', '$HTTP["remoteip"] == "10.0.0.6"', "else"),
    ]
    assert [each.problem is None for each in rules] == [True, True, False]
    assert "begins with" in str(rules[2].problem)
    assert by_name["server.document-root"].problem is not None


def test_a_file_that_lighttpd_would_not_read() -> None:
    """What is no configuration at all is an error with its place."""
    with pytest.raises(RuleSyntaxError, match=r"^lighttpd\.conf:1:13: '=' belongs"):
        parse_lighttpd_conf("server.port 80", "lighttpd.conf")
