"""cloudbase-init as a client of ours, run by the Python of .venv-cloudbase.

    cloudbase.py SERVICE [BASE-URL]   what the service knows, as JSON
    cloudbase.py mtu|ntp SERVER       what the plugin set, by asking DHCP
    cloudbase.py password TEXT        post it as the plugin does; what it said
    cloudbase.py drive FORMAT IMAGE   what the config drive's reader knows

The code is cloudbase-init's own.  What it would ask Windows for is told here: which
DHCP server gave the address, the MAC of an address, what disks there are and what is
in their sectors.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Self

from cloudbaseinit import conf
from cloudbaseinit.metadata.services import base
from cloudbaseinit.metadata.services import cloudstack
from cloudbaseinit.metadata.services import ec2service
from cloudbaseinit.metadata.services import httpservice
from cloudbaseinit.osutils import posix
from cloudbaseinit.plugins.common import mtu
from cloudbaseinit.plugins.common import ntpclient
from cloudbaseinit.plugins.common import setuserpassword

INTERFACE = "eth0"
SECTOR = 512  # octets
RETRIES = 1  # not 5, and not 4 s apart: a test that fails does so soon

done: dict[str, Any] = {}


class System(posix.PosixUtils):  # type: ignore[misc]  # its base has no types
    """What the plugins ask of Windows, and set there."""

    servers: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()

    def get_dhcp_hosts_in_use(self) -> list[tuple[str, str, str]]:
        mac = self.get_mac_address_by_local_ip("")
        return [(INTERFACE, mac, each) for each in self.servers]

    def get_mac_address_by_local_ip(self, address: str) -> str:
        return Path(f"/sys/class/net/{INTERFACE}/address").read_text().strip()

    def set_network_adapter_mtu(self, name: str, octets: int) -> None:
        done["mtu"] = {name: octets}

    def set_ntp_client_config(self, hosts: list[str]) -> None:
        done["ntp"] = hosts

    def is_real_time_clock_utc(self) -> bool:
        return bool(conf.CONF.real_time_clock_utc)

    def get_physical_disks(self) -> tuple[str, ...]:
        return self.disks

    def execute_process(
        self, words: list[str], shell: bool = True, decode_output: bool = False
    ) -> tuple[bytes, bytes, int]:
        ended = subprocess.run(words, capture_output=True, check=False)
        return ended.stdout, ended.stderr, ended.returncode


class Disk:
    """A disk's sectors, in the words of cloudbase-init's own class for Windows."""

    fixed = True

    def __init__(self, path: str) -> None:
        self._path = path
        self.size = os.stat(path).st_size

    def __enter__(self) -> Self:
        self._file = open(self._path, "rb")
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()

    def seek(self, offset: int) -> int:
        return self._file.seek(offset // SECTOR * SECTOR)

    def read(self, size: int, skip: int = 0) -> bytes:
        wanted = -(-(size + skip) // SECTOR) * SECTOR
        return self._file.read(wanted)[skip : size + skip]


def absent(ask: Callable[[], Any]) -> Any:
    """Return what is said, None where that is 404."""
    try:
        return ask()
    except base.NotExistingMetadataException:
        return None


def told(service: Any) -> dict[str, Any]:
    """Return what a service tells the plugins."""
    if not service.load():
        return {"loaded": False}
    user_data = absent(service.get_user_data)
    details = absent(service.get_network_details_v2)
    return {
        "loaded": True,
        "id": service.get_instance_id(),
        "hostname": service.get_host_name(),
        "keys": service.get_public_keys(),
        "user_data": user_data and base64.b64encode(user_data).decode(),
        "password": service.get_admin_password(),
        "links": details and [[x.mac_address, x.mtu] for x in details.links],
        "addresses": details and [each.address_cidr for each in details.networks],
    }


def ask_dhcp(plugin: Any, server: str) -> dict[str, Any]:
    System.servers = (server,)
    plugin.execute(None, {})
    return done


def post_password(text: str) -> dict[str, Any]:
    service = httpservice.HttpService()
    assert service.load()
    plugin = setuserpassword.SetUserPasswordPlugin()
    return {
        "can": service.can_post_password,
        "was_set": service.is_password_set,
        "said": plugin._set_metadata_password(text, service),
        # another service: this one remembers what it has read
        "is_set": httpservice.HttpService().is_password_set,
    }


def read_drive(form: str, image: str) -> dict[str, Any]:
    """Read a config drive as on Windows, but for the volumes that Windows mounts."""
    conf.CONF.set_override("types", ["iso" if form == "iso9660" else "vfat"], CONFIG)
    conf.CONF.set_override("locations", ["hdd"], CONFIG)
    conf.CONF.set_override("bsdtar_path", "/usr/bin/bsdtar")
    tools = Path(os.environ["TOOLS"])
    for name in ("mlabel", "mcopy"):
        program = tools / f"{name}.exe"
        program.write_text(f'#!/bin/sh\nexec {name} "$@"\n')
        program.chmod(0o755)
    conf.CONF.set_override("mtools_path", str(tools))
    sectors = types.ModuleType("cloudbaseinit.utils.windows.disk")
    vars(sectors)["Disk"] = Disk
    sys.modules[sectors.__name__] = sectors
    from cloudbaseinit.metadata.services import configdrive

    System.disks = (image,)
    sys.platform = "win32"  # whose reader it is to choose; nothing else looks at it
    return told(configdrive.ConfigDriveService())


CONFIG = "config_drive"
SERVICES = {
    "openstack": httpservice.HttpService,
    "ec2": ec2service.EC2Service,
    "cloudstack": cloudstack.CloudStack,
}


def main(word: str, *rest: str) -> Any:
    conf.CONF.set_override("retry_count", RETRIES)
    conf.CONF.set_override("retry_count_interval", 0.1)
    conf.CONF.set_override("ntp_use_dhcp_config", True)
    socket.setdefaulttimeout(10)
    posix.PosixUtils = System
    if word in SERVICES:
        if rest:
            conf.CONF.set_override("metadata_base_url", rest[0], word)
        return told(SERVICES[word]())
    if word == "mtu":
        return ask_dhcp(mtu.MTUPlugin(), *rest)
    if word == "ntp":
        return ask_dhcp(ntpclient.NTPClientPlugin(), *rest)
    if word == "password":
        return post_password(*rest)
    return read_drive(*rest)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
