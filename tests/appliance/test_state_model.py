"""The bindings in force under any history of files, against a model in few words.

Files are written, garbled, taken away and swapped; looked at one by one or together,
by command or by hand; and the state is made anew from disk.
"""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import invariant
from hypothesis.stateful import rule

from appliance.directory import StateDirectory
from appliance.records import Record
from appliance.settings import parse_settings
from appliance.state import State

from .house import ip
from .house import mac
from .test_settings import FILES
from .test_settings import LEAST

NUMBERS = st.integers(3, 8)
SETTINGS = parse_settings(FILES, LEAST)
BAD = ("", "{", "[]", '{"mac": 5}', '{"mac": "fa:16:3e:00:00:03", "ip": "10.0.0.2"}')
ALIEN = "FA163E000003.json"


def name_of(number: int) -> str:
    return f"{mac(number).digits}.json"


class Files(RuleBasedStateMachine):
    """One address a guest, whatever is written."""

    named = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.directory = StateDirectory(Path(self.folder.name))
        self.state = State(self.directory, SETTINGS)
        self.disk: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        """What the state has been told of."""
        self.before: dict[bytes, Record] = {}
        self.clock = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    def put(self, name: str, text: str) -> None:
        self.directory.path(name).write_text(text)
        self.disk[name] = text

    @rule(number=NUMBERS, address=NUMBERS, named=st.integers(0, 2))
    def write(self, number: int, address: int, named: int) -> None:
        more = f', "client_id": "000{named}"' if named and self.named else ""
        text = f'{{"mac": "{mac(number)}", "ip": "{ip(address)}"{more}}}'
        self.put(name_of(number), text)

    @rule(number=NUMBERS, text=st.sampled_from(BAD))
    def garble(self, number: int, text: str) -> None:
        self.put(name_of(number), text)

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        self.directory.path(name_of(number)).unlink(missing_ok=True)
        self.disk.pop(name_of(number), None)

    @rule(there=st.booleans())
    def misname(self, there: bool) -> None:
        if there:
            self.put(ALIEN, "{}")
        else:
            self.directory.path(ALIEN).unlink(missing_ok=True)
            self.disk.pop(ALIEN, None)

    @rule(one=NUMBERS, other=NUMBERS)
    def swap(self, one: int, other: int) -> None:
        self.write(one, other, 0)
        self.write(other, one, 0)

    @rule()
    def look(self) -> None:
        stamps = self.directory.stamps()
        names = self.state.differing(stamps)
        self.state.update(self.directory.read_all(names), stamps)
        self.seen = dict(self.disk)

    @rule(number=NUMBERS)
    def command(self, number: int) -> None:
        name = name_of(number)
        stamps = self.directory.stamps_of([name])
        contents = self.directory.read_all([name])
        self.state.update(contents, stamps, commanded=True)
        if name in self.disk:
            self.seen[name] = self.disk[name]
        else:
            self.seen.pop(name, None)

    @rule()
    def restart(self) -> None:
        self.state = State(self.directory, SETTINGS)
        self.before = {}
        self.state.load()
        self.seen = dict(self.disk)

    @invariant()
    def one_guest_an_address(self) -> None:
        """dhcp 14."""
        records = self.state.records.values()
        assert len({each.ip for each in records}) == len(records)
        named = [each.binding.client_id for each in records if each.binding.client_id]
        assert len(set(named)) == len(named)

    @invariant()
    def table_and_records_agree(self) -> None:
        assert len(self.state.table) == len(self.state.records)
        for octets, record in self.state.records.items():
            assert record.mac.octets == octets
            assert self.state.table.find(octets) is record.binding
            assert self.state.table.at(record.ip) is record.binding
            named = record.binding.client_id
            assert named is None or self.state.table.find(b"", named) is record.binding

    @invariant()
    def a_bad_file_keeps_the_last_good(self) -> None:
        """dhcp 66: and one that is gone keeps nothing."""
        for number in range(3, 9):
            name, octets = name_of(number), mac(number).octets
            now = self.state.records.get(octets)
            if name not in self.seen:
                assert now is None
            elif name in self.state.problems:
                assert now == self.before.get(octets)
            else:
                assert now is not None
                assert f'"{now.ip}"' in self.seen[name]
        self.before = dict(self.state.records)

    @invariant()
    def the_unread_are_the_bad_without_a_last_good(self) -> None:
        """dhcp 27."""
        bad = {
            mac(number).octets
            for number in range(3, 9)
            if name_of(number) in self.state.problems
        }
        alien = {ALIEN.encode()} if ALIEN in self.seen else set()
        assert self.state.table.unread == (bad - self.state.records.keys()) | alien

    @invariant()
    def a_good_file_is_refused_only_for_what_another_has(self) -> None:
        """A contradiction ends when the other goes or moves."""
        for name, text in self.seen.items():
            if text in BAD or name == ALIEN:
                assert name in self.state.problems
            elif name in self.state.problems:
                key, what = str(self.state.problems[name]).split(": ")[1:3]
                words = what.split()
                claim, holder = words[0], words[-2]
                assert f'"{key}": "{claim}"' in text
                (has,) = [
                    each
                    for each in self.state.records.values()
                    if str(each.mac) == holder
                ]
                named = has.binding.client_id or b""
                assert claim in (str(has.ip), named.hex())
                assert holder not in text


class FilesWithClientIds(Files):
    """The same with a second thing that only one guest can have (dhcp 13)."""

    named = True


TestFiles = Files.TestCase
TestFiles.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestFilesWithClientIds = FilesWithClientIds.TestCase
TestFilesWithClientIds.settings = TestFiles.settings
