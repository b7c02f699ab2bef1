"""A lighttpd.conf becomes a .rules file (issue 6, point 6)."""

from collections import Counter
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.errors import SettingsError
from appliance.migration.lighttpd import read_lighttpd
from appliance.migration.plan import CHANGES
from appliance.migration.plan import LOST
from appliance.migration.plan import MAPS
from tests.oracles.lighttpd_generator import drawn
from tests.oracles.test_lighttpd_rules import ours_of

from .given import Given

CONF = """\
server.modules = ("mod_rewrite")  # these
server.modules += ("mod_alias")
var.logs = "/var/log"
accesslog.filename = logs + "/access.log"

# our rules
url.rewrite-once = (
    "^/a$" => "/b", # the first
)
$HTTP["url"] =~ "^/p" { dir-listing.activate = "enable" }
else $HTTP["url"] =~ "^/q" { url.access-deny = ("") server.port = 3 }
mimetype.assign = ( ".html" => "text/html",
    ".x" => "text/x" )
include_shell "/usr/share/lighttpd/create-mime.conf.pl"
include "conf-enabled/*.conf"
"""
MORE = 'alias.url = ( "/d" => "/srv/d" )\nssl.engine = "enable"\n'
RULES = """\
# server.modules is not taken over  # these
# server.modules is not taken over
var.logs = "/var/log"
# accesslog.filename is not taken over

# our rules
url.rewrite-once = (
    "^/a$" => "/b", # the first
)
$HTTP["url"] =~ "^/p" { # dir-listing.activate is not taken over
 }
else $HTTP["url"] =~ "^/q" { url.access-deny = ("") # server.port is not taken over
 }
# mimetype.assign is not taken over
alias.url = ( "/d" => "/srv/d" )
# ssl.engine is not taken over
"""
FILES = {"/l/lighttpd.conf": CONF, "/l/conf-enabled/10-x.conf": MORE}


def test_what_rules_hold_stays_and_the_rest_is_a_comment() -> None:
    """issue 6.6: the operator's own text, with its comments; each setting that goes
    leaves a word where it stood."""
    assert read_lighttpd(Given(FILES), "/l/lighttpd.conf").text == RULES


def test_each_setting_has_a_note_with_its_own_file_and_line() -> None:
    """issue 6.6: nothing is skipped in silence, included files neither."""
    notes = read_lighttpd(Given(FILES), "/l/lighttpd.conf").notes
    said = {(each.kind, each.where): each.what for each in notes}
    assert said[MAPS, "/l/lighttpd.conf:7"] == "url.rewrite-once stays as it is"
    assert said[MAPS, "/l/conf-enabled/10-x.conf:1"] == "alias.url stays as it is"
    lost = {where for kind, where in said if kind == LOST}
    numbers = (1, 2, 4, 10, 11, 12, 14)
    assert lost == {
        *(f"/l/lighttpd.conf:{number}" for number in numbers),
        "/l/conf-enabled/10-x.conf:2",
    }
    assert "ports = [..] under [metadata]" in said[LOST, "/l/lighttpd.conf:11"]


def test_an_upstream_that_has_a_name_is_said() -> None:
    """issue 6.6: lighttpd looks it up once; here it is looked up at each request."""
    upstream = '( ( "host" => "%s", "port" => 80 ) )'
    text = f"""
    $HTTP["url"] == "/a" {{ proxy.server = ( "" => {upstream % "10.0.0.9"} ) }}
    $HTTP["url"] == "/b" {{ proxy.server = ( "" => {upstream % "agent.example"} ) }}
    proxy.server = ( "/c" => ( "host" => "other.example" ) )
    """
    found = read_lighttpd(Given({"l.conf": text}), "l.conf")
    changed = {each.where: each.what for each in found.notes if each.kind == CHANGES}
    assert set(changed) == {"l.conf:3", "l.conf:4"}
    assert "agent.example is looked up by this host" in changed["l.conf:3"]


def test_a_mistake_is_said_at_its_own_place() -> None:
    """issue 6.6: the file and line are those where the operator has it."""
    files = {**FILES, "/l/conf-enabled/10-x.conf": "\nalias.url = ("}
    with pytest.raises(SettingsError, match=r"/l/conf-enabled/10-x.conf:2"):
        read_lighttpd(Given(files), "/l/lighttpd.conf")


@pytest.mark.parametrize(
    "text",
    [
        '$HTTP["url"] =~ "^/x" { include "a.conf" }',
        'var.d = "a"\ninclude var.d + ".conf"',
    ],
)
def test_an_include_that_is_not_read_says_how_to_write_it(text: str) -> None:
    """issue 6.6: the file is there, so nothing says that it is not."""
    files = {"/l/lighttpd.conf": text, "/l/a.conf": 'url.access-deny = ( "~" )'}
    with pytest.raises(SettingsError, match="on a line of its own"):
        read_lighttpd(Given(files), "/l/lighttpd.conf")


def test_a_setting_of_a_module_that_is_not_here_is_said_shortly() -> None:
    """issue 6.6: a report has no list of all that it could have been."""
    (note,) = read_lighttpd(Given({"l": 'userdir.path = "x"'}), "l").notes
    assert note.what == "userdir.path is no setting of rules: leave it out"


def test_an_include_of_nothing_is_said() -> None:
    """issue 6.6: a copy that lacks conf-enabled/ would lose its rules in silence; what
    is hidden is not included."""
    files = {"/l/l.conf": 'include "on/*.conf"\n', "/l/on/.x.conf": "no rules"}
    (note,) = read_lighttpd(Given(files), "/l/l.conf").notes
    assert (note.kind, note.where) == (LOST, "/l/l.conf:1")
    assert "no file is on/*.conf" in note.what


def test_a_file_that_includes_itself_is_refused() -> None:
    files = {"/l/lighttpd.conf": 'include "lighttpd.conf"\n'}
    with pytest.raises(SettingsError, match="included by itself"):
        read_lighttpd(Given(files), "/l/lighttpd.conf")


def with_servers_settings(rules: str) -> str:
    """Put settings of the server in between, where a statement may stand."""
    lines = ['server.modules = ("mod_rewrite",', '  "mod_alias") # both']
    for number, line in enumerate(rules.splitlines()):
        lines.append(line)
        if line.endswith("{"):
            lines.append(f'server.x{number} = "1"')
    return "\n".join(lines) + '\nmimetype.assign = (".a" => "b")'


def test_what_is_left_means_the_same() -> None:
    """issue 6.6: drawn rules among settings of the server answer as without them."""
    counts: Counter[str] = Counter()
    for case in drawn(400, 6, lambda _: True):
        rules = case.rules.replace("{directory}", "")
        whole = {"lighttpd.conf": with_servers_settings(rules)}
        found = read_lighttpd(Given(whole), "lighttpd.conf")
        assert found.text != rules
        outcomes = ours_of(case)
        assert ours_of(case._replace(rules=found.text)) == outcomes
        counts.update(each.kind for each in outcomes)
    assert min(counts[kind] for kind in ("mapped", "redirected", "denied")) > 0, counts


def test_the_command_writes_the_rules_of_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """issue 6.6: a dry run first; rules that are there are never overwritten."""
    root, conf = tmp_path / "root", tmp_path / "lighttpd.conf"
    conf.write_text('url.rewrite-once = ("^/a$" => "/shared/a")\nserver.port = 80\n')
    networks = root / "etc/metalease/networks"
    networks.mkdir(parents=True)
    (networks / "n1.toml").write_text(
        '[network]\nsubnet = "10.0.0.0/24"\ndhcp_address = "10.0.0.2"\n'
        '[attach]\nbridge = "br0"\n'
    )
    words = ["--root", str(root), "migrate", "lighttpd", str(conf)]
    assert main(words) == 0
    assert '"^/a$" => "/shared/a"' in capsys.readouterr().out
    assert main([*words, "--write"]) == 1
    assert "--network NET" in capsys.readouterr().err
    assert not (networks / "n1.rules").exists()
    for _ in range(2):
        assert main([*words, "--network", "n1", "--write"]) == 0
    text = (networks / "n1.rules").read_text()
    assert text == (
        'url.rewrite-once = ("^/a$" => "/shared/a")\n# server.port is not taken over\n'
    )
    conf.write_text("")
    assert main([*words, "--network", "n1", "--write"]) == 1
    assert "n1.rules" in capsys.readouterr().err
    assert (networks / "n1.rules").read_text() == text
