"""What has to be so after a cut-over that failed."""

from .host import ZStackHost


def is_as_it_was(host: ZStackHost, before: dict[str, object], said: str) -> None:
    """Fail unless theirs serve, and all is as it was *before*."""
    assert "all is as it was: dnsmasq, lighttpd serve again" in said, said
    assert host.as_it_is() == before
    assert host.served_by() == "theirs"
    assert not host.journal().exists()
    assert host.not_in_service.exists()


def pids(host: ZStackHost) -> str:
    """Return the process numbers of their programs."""
    return host.sh("ps -C dnsmasq,lighttpd -o pid=")
