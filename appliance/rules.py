"""The rules of one network: the operator's own first, then its presets."""

from importlib import resources

from rewrite.errors import RuleSyntaxError
from rewrite.ruleset import RuleSet

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
    texts: list[tuple[str, str]] = []
    if settings.metadata.rewrite:
        texts.append((f"{settings.file}: metadata.rewrite", _in_rules(settings)))
    try:
        texts.append((str(files.rules), read_text(files.rules)))
    except FileNotFoundError:
        pass  # none of its own
    presets = known_presets()
    for name in settings.metadata.presets:
        if name not in presets:
            raise SettingsError(
                f"{settings.file}: metadata.presets",
                f"{name!r} is not there: {', '.join(presets)} are",
            )
        texts.append((PRESET + name, presets[name]))
    try:
        return RuleSet.parse(*texts)
    except RuleSyntaxError as problem:
        where = f"{problem.file}:{problem.line}:{problem.column}"
        raise SettingsError(where, problem.what) from None


def _in_rules(settings: Settings) -> str:
    """Return [[metadata.rewrite]] in the language of the rules, a rule a line."""
    rules = [
        f"{_quoted(match)} => {_quoted(to)}" for match, to in settings.metadata.rewrite
    ]
    return "url.rewrite-once = (" + ",\n".join(rules) + ")\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
