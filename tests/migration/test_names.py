"""Names become lines of a zone file (issue 6.6)."""

import pytest

from appliance.migration.names import with_domain
from appliance.migration.names import zone_lines


@pytest.mark.parametrize(
    ("key", "text", "line"),
    [
        ("host-record", "web,10.0.0.5,60", "web.x.test. IN A 10.0.0.5"),
        ("cname", "www,web,60", "www.x.test. IN CNAME web.x.test."),
        ("srv-host", "_s._tcp.a.test,h,53", "_s._tcp.a.test. IN SRV 0 0 53 h.x.test."),
        ("txt-record", 'a.test,"v=1 x"', 'a.test. IN TXT "v=1 x"'),
        ("mx-host", "a.test,mail.a.test,5", "a.test. IN MX 5 mail.a.test."),
    ],
)
def test_a_record_is_a_line(key: str, text: str, line: str) -> None:
    """issue 6.6: host-record, cname, srv-host, txt-record and mx-host."""
    assert [with_domain(each, "x.test") for each in zone_lines(key, text)] == [line]
