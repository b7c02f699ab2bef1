"""The layers of docs/design.md: imports point down, and the core touches no world."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("dhcp", "httpd", "rewrite")
# below appliance/ these, and no others, may wait, open sockets and read clocks
SHELLS = {
    "dhcp/arp_port.py",
    "dhcp/filters.py",
    "dhcp/lookout.py",
    "dhcp/port.py",
    "dhcp/server.py",
    "dhcp/waiting.py",
    "httpd/callers.py",
    "httpd/desk.py",
    "httpd/guests.py",
    "httpd/listener.py",
    "httpd/memory.py",
    "httpd/root.py",
    "httpd/server.py",
    "httpd/service.py",
    "httpd/transmission.py",
}
WORLD = {"trio", "socket", "os", "time", "random", "secrets", "logging", "subprocess"}
# what the contract of a shell needs to name: values, and no more
CONTRACTS = {"httpd/contract.py"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for each in folders for path in (ROOT / each).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield every module that *path* imports, wherever in it, by its full name."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join((*base, *(node.module or "").split("."))).strip(".")


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: path.name)
def test_the_packages_know_nothing_of_each_other(path: Path) -> None:
    """dhcp, httpd and rewrite never import each other or appliance."""
    own = path.relative_to(ROOT).parts[0]
    others = {*PACKAGES, "appliance"} - {own}
    assert not others & {name.partition(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: path.name)
def test_the_core_touches_no_world(path: Path) -> None:
    """Codecs and policies import neither trio nor socket, os or time."""
    name = str(path.relative_to(ROOT))
    if name in SHELLS:
        return
    assert not WORLD & {found.partition(".")[0] for found in imports(path)}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: path.name)
def test_the_core_does_not_import_shells(path: Path) -> None:
    """Imports point down: only a shell, or a shell's contract, imports a shell."""
    name = str(path.relative_to(ROOT))
    if name in SHELLS or name in CONTRACTS:
        return
    shells = {shell.removesuffix(".py").replace("/", ".") for shell in SHELLS}
    assert not shells & set(imports(path))


def test_every_shell_is_there() -> None:
    """The list of shells names files that exist."""
    assert all((ROOT / shell).is_file() for shell in SHELLS)


def test_setns_is_in_one_file() -> None:
    """Only appliance/namespace.py changes the namespace of a thread."""
    users = [path for path in sources("appliance") if ".setns" in path.read_text()]
    inside = [path for path in users if "lab" not in path.parts]
    assert inside == [ROOT / "appliance/namespace.py"]


def test_metrics_are_imported_where_they_are_made() -> None:
    """prometheus_client stays out of everything but metrics and exporter."""
    users = {
        path.name
        for path in sources("appliance")
        if any(name.startswith("prometheus_client") for name in imports(path))
    }
    assert users == {"metrics.py", "exporter.py"}


def test_nothing_below_imports_commands() -> None:
    """issue 6.8: Imports point down: only what starts the program imports the command
    line."""
    above = {"cli.py", "commands", "lab"}
    found = [
        str(path.relative_to(ROOT))
        for path in sources("appliance")
        if path.relative_to(ROOT).parts[1] not in above
        and any(name.startswith("appliance.commands") for name in imports(path))
    ]
    assert found == []
