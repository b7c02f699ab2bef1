"""What `explain http` says offline is what the running daemon answers (issue 6.5)."""

import json
import sys

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import PACKAGES
from appliance.lab.installation import ROOT
from appliance.lab.installation import Installation

from .imds import TTL
from .imds import Answer
from .imds import ask
from .imds import bind
from .imds import configure
from .packets import take_address

pytestmark = [pytest.mark.machine, pytest.mark.long]

RULES = """
alias.url = ( "/tools" => "TOOLS", "/one" => "TOOLS/a" )
url.redirect = ( "^/old/(.*)$" => "/latest/$1?x", "^/away" => "http://h/" )
url.access-deny = ( "vendor-data", "~" )
url.rewrite-once = (
    "^/me/([^?]*)" => "/${ip}/$1",
    "^/raw/(.*)$" => "/10.0.0.12/$1",
    "^/up/(.*)$" => "/${ip}/../10.0.0.12/$1",
    "^/json$" => "/${ip}/meta-data/",
)
$HTTP["url"] == "/json" { metalease.render = "json" }
$HTTP["url"] =^ "/listed/" { metalease.list = ( "a", "b" => "/${ip}/user-data" ) }
$HTTP["url"] =^ "/me/none" { metalease.if-missing = "204" }
$HTTP["url"] =^ "/me/typed" {
    metalease.content-type = "text/x-own"
    setenv.add-response-header = ( "X-Own" => "1" )
}
$HTTP["host"] == "169.254.169.254" {
    url.rewrite-once += ( "^/host" => "/${ip}/user-data" )
}
$HTTP["host"] == "named" { url.rewrite-once += ( "^/host" => "/${ip}/typed" ) }
$REQUEST_HEADER["X-Want"] == "1" {
    url.rewrite-once += ( "^/want" => "/${ip}/user-data" )
}
$HTTP["request-method"] == "POST" { metalease.spool = ( "^/report$" => "report" ) }
$HTTP["url"] =^ "/guarded" {
    metalease.require-header = ( "X-Need" => "yes" )
    metalease.refuse = 418
    metalease.list = ( "in" )
}
"""
PATHS = [
    *("/", "/latest", "/latest/", "/latest/meta-data", "/latest/meta-data/"),
    *("/latest/user-data", "/latest/user-data/", "/latest/user-data?x=1"),
    *("/latest/meta-data/instance-id", "/latest/meta-data/instance-id/", "/nothing"),
    *("/latest/vendor-data", "/latest/vendor-data/", "/x~", "/x~/", "/old/a%20b?y=1"),
    *("/away", "/tools", "/tools/", "/tools/a", "/tools/a/", "/tools/none", "/toolsa"),
    *("/tools/../x", "/tools/%2e%2e/x", "/tools%2fa", "/one", "/one/", "/one/x"),
    *("/me/user-data", "/me/user%2ddata", "/me/none", "/me/typed", "/me/a+b"),
    *("/me/a%2Bb", "/me/.hidden", "/raw/user-data", "/up/user-data", "/json"),
    *("/listed/", "/listed/x", "/host", "/want", "/guarded/", "/report", "//latest/"),
    *("/latest/./user-data", "/..", "/%00", "/%zz", "/latest/meta-data/public-keys/"),
    *("/openstack", "/openstack/latest/meta_data.json", "/openstack/latest/password"),
    *("/openstack/latest/user_data", "/latest/dynamic/instance-identity/document"),
    *("/10.0.0.12/user-data", "/shared/x", "/latest/api/token", "/me/" + "a" * 2100),
    *("/latest/meta-data/mac?recursive=true", "/me/sub", "/me/sub/", "/me/sub/f"),
]
HEADERS = [
    (),
    ("Host: named",),
    ("X-Want: 1",),
    ("X-Need: yes",),
    ("X-Forwarded-For: 1.2.3.4",),
    ("Accept: application/json",),
    ("X-aws-ec2-metadata-token: bad",),
    (f"{TTL}: 60",),
]


Asked = tuple[str, str, tuple[str, ...]]
"""A request: method, path, headers."""
EXPLAIN = """
import contextlib, io, json, sys
from appliance.cli import main
said = []
for words in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(words)
    said.append(json.loads(out.getvalue()))
print(json.dumps(said))
"""


def explained(
    installation: Installation, asked: list[Asked]
) -> list[dict[str, object]]:
    """Return what `explain http` says of each, in one process for all."""
    words = [
        [
            *("--root", ROOT, "explain", "n1", "http", "10.0.0.11", method, path),
            *(word for each in headers for word in ("--header", each)),
            "--json",
        ]
        for method, path, headers in asked
    ]
    done = installation.machine.run(
        ["env", f"PYTHONPATH={PACKAGES}", sys.executable, "-c", EXPLAIN],
        stdin=json.dumps(words).encode(),
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def differs(said: dict[str, object], answer: Answer) -> str:
    """Return what is not the same, but for what each answer has anew."""
    if "status" not in said:  # it is what an upstream, or the spool, says
        return "" if answer.status == 200 else f"kept, sent {answer.status}"
    if said["status"] != answer.status:
        return f"status {said['status']}, sent {answer.status}"
    named = said["headers"]
    assert isinstance(named, dict)
    for name, value in named.items():
        if answer.headers.get(name.lower()) != value:
            return f"{name}: {value}, sent {answer.headers.get(name.lower())}"
    if answer.status not in (204, 304) and "octets" in said:
        length = answer.headers.get("content-length")
        if str(said["octets"]) != length:
            return f"{said['octets']} octets, sent {length}"
    return ""


@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_explain_says_what_is_answered(
    installation: Installation, guest: Guest, tokens: str
) -> None:
    """Status, headers and length are the same offline and on the wire: aliases,
    redirects, refusals, listings, documents of each kind, whatever the URL's writing,
    the method and the headers (issue 6.5)."""
    tools = installation.root / "srv"
    tools.mkdir()
    (tools / "a").write_text("tool")
    tools.chmod(0o755)
    place = installation.root / "etc/metalease/networks/n1.rules"
    place.write_text(RULES.replace("TOOLS", f"{ROOT}/srv"))
    configure(
        installation,
        f'[metadata]\ntokens = "{tokens}"\npresets = ["ec2", "openstack"]\n',
    )
    installation.start("n1")
    installation.succeed("put", "n1", "10.0.0.11", "--mac", guest.mac)
    bind(installation, 12)
    own = installation.root / "var/lib/metalease/n1/metadata/10.0.0.11"
    (own / "sub").mkdir(parents=True)
    for name in ("user-data", "typed", "a+b", ".hidden", "vendor-data", "sub/f"):
        (own / name).write_text(name)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    asked: list[Asked] = [
        (method, path, headers)
        for path in PATHS
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE")
        for headers in (HEADERS if method in ("GET", "PUT") else HEADERS[:1])
    ]
    said = explained(installation, asked)
    different = []
    for each, offline in zip(asked, said, strict=True):
        method, path, headers = each
        trouble = differs(offline, ask(guest, method, path, *headers))
        if trouble:
            different.append((*each, trouble))
    assert different == []
