"""A guest that asks for session tokens and documents with curl."""

from dataclasses import dataclass

from appliance.lab.guest import Guest
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

from .packets import take_address

TOKEN_PATH = "/latest/api/token"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
DOCUMENT = "/latest/meta-data/instance-id"
METADATA = "http://169.254.169.254"
CURL = (
    *("curl", "-sS", "--max-time", "10", "--path-as-is", "--http1.1"),
    *("-D", "/tmp/head", "-o", "/tmp/body", "-w", "%{http_code}"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What curl got; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: str


def ask(guest: Guest, method: str, path: str, *headers: str) -> Answer:
    """Ask as a script in the guest does."""
    said = [word for each in headers for word in ("-H", each)]
    how = ["--head"] if method == "HEAD" else ["-X", method]
    for name in ("/tmp/head", "/tmp/body"):
        guest.path(name).unlink(missing_ok=True)
    done = guest.run([*CURL, *how, *said, METADATA + path])
    assert done.returncode == 0, (method, path, headers, done)
    lines = guest.path("/tmp/head").read_text().splitlines()[1:]
    parted = (line.partition(":") for line in lines if line)
    body = guest.path("/tmp/body")
    return Answer(
        int(done.stdout),
        {name.lower(): value.strip() for name, _, value in parted},
        body.read_text() if method != "HEAD" and body.exists() else "",
    )


def token_for(guest: Guest, seconds: int = 60) -> str:
    """Get a token as a script in the guest does."""
    answer = ask(guest, "PUT", TOKEN_PATH, f"{TTL}: {seconds}")
    assert answer.status == 200, answer
    return answer.body


def bearing(token: str) -> str:
    """Return the header that carries *token*."""
    return f"{TOKEN}: {token}"


def configure(installation: Installation, text: str) -> None:
    """Add *text* to the settings of n1, for its next daemon."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    settings.write_text(f"{settings.read_text()}\n{text}")


def plug(machine: Machine, number: int) -> Guest:
    guest = machine.add_guest(f"g{number}", mac_of(number), bridge="br0")
    take_address(guest, f"10.0.0.{number}", server="10.0.0.2")
    return guest


def mac_of(number: int) -> str:
    return f"fa:16:3e:00:00:{number:02x}"


def bind(installation: Installation, number: int, *words: str) -> None:
    named = ("--mac", mac_of(number), "--instance-id", f"i-{number}")
    installation.succeed("put", "n1", f"10.0.0.{number}", *named, *words)
