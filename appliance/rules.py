"""The rules of one network: the operator's own first, then its presets."""

from importlib import resources
from pathlib import Path

from rewrite.blocks import Block
from rewrite.errors import RuleSyntaxError
from rewrite.ruleset import RuleSet
from rewrite.table import read_table

from .errors import SettingsError
from .files import read_text
from .layout import NetworkLayout
from .settings import Settings

SUFFIX = ".rules"
PRESET = "preset "  # before its name, where a rule says where it stands


def known_presets() -> dict[str, str]:
    """Return the text of each preset by its name."""
    folder = resources.files("rewrite").joinpath("presets")
    return {
        each.name.removesuffix(SUFFIX): each.read_text()
        for each in sorted(folder.iterdir(), key=lambda each: each.name)
        if each.name.endswith(SUFFIX)
    }


def load_rules(settings: Settings, files: NetworkLayout) -> RuleSet:
    """Read every rule of the network; raises SettingsError."""
    try:
        return RuleSet.parse(
            *_own_tables(settings), *_texts(settings, files), include=_included
        )
    except RuleSyntaxError as problem:
        where = f"{problem.file}:{problem.line}:{problem.column}"
        raise SettingsError(where, problem.what) from None


def _own_tables(settings: Settings) -> list[tuple[str, Block]]:
    file = f"{settings.file}: metadata.rewrite"
    return [
        (file, read_table(table, file, number))
        for number, table in enumerate(settings.metadata.rewrite, 1)
    ]


def _included(path: str) -> str | None:
    """Return the text of a file beside the .rules file, that it includes."""
    try:
        return read_text(Path(path))
    except FileNotFoundError:
        return None


def _texts(settings: Settings, files: NetworkLayout) -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    try:
        texts.append((str(files.rules), read_text(files.rules)))
    except FileNotFoundError:
        pass  # none of its own
    presets = known_presets()
    both = {"ec2", "cloudstack"} <= set(settings.metadata.presets)
    if both:
        texts += _at_lessors(settings, PRESET + "cloudstack", presets["cloudstack"])
    for name in settings.metadata.presets:
        if name not in presets:
            raise SettingsError(
                f"{settings.file}: metadata.presets",
                f"{name!r} is not there: {', '.join(presets)} are",
            )
        if not both or name != "cloudstack":
            texts.append((PRESET + name, presets[name]))
    return texts


def _at_lessors(settings: Settings, name: str, text: str) -> list[tuple[str, str]]:
    """Return rules that hold at the DHCP addresses alone; their lines stay their own.

    EC2 and CloudStack both have a tree below /latest/.
    """
    return [
        (name, f'$SERVER["socket"] == "{address}:{port}" {{ {text}}}\n')
        for address in settings.network.server_ids
        for port in settings.metadata.ports
    ]
