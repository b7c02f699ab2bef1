"""Guests that boot with Debian's own cloud-init, and what it made of us.

A boot is what systemd does on Debian's cloud images: the generator asks ds-identify
whether there is a source at all, `cloud-init init --local` writes the network's
configuration, systemd-networkd brings it up, and the other three stages follow. The
guest's DMI, its kernel's command line and its being no container are files in its
mount namespace: that is all by which cloud-init knows where it is (clients.md, C31).
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from appliance.lab.cell import Process
from appliance.lab.cell import require
from appliance.lab.clients import CLIENTS
from appliance.lab.guest import WRITABLE
from appliance.lab.machine import Machine

GENERATOR = "/lib/systemd/system-generators/cloud-init-generator"
PROGRAMS = (
    "cloud-init",
    "/usr/lib/cloud-init/ds-identify",
    GENERATOR,
    "systemd-detect-virt",
    "dhclient",  # of cloud-init's own DHCP (C25)
    "ssh-keygen",
    "useradd",
)
NETWORKD = CLIENTS["networkd"]
SEED = "http://169.254.169.254/nocloud/"
DISK = (*WRITABLE, "/home")

# Debian's cloud.cfg, less the modules that are for disks and kernel, which a guest here
# does not own (growpart, resizefs, disk_setup, mounts, seed_random, grub-dpkg,
# power-state-change), and those that are long or idle: what installs and configures
# packages, byobu, ntp, puppet and their like.
CONFIGURATION = """\
cloud_init_modules: [migrator, bootcmd, write-files, set_hostname, update_hostname,
  update_etc_hosts, users-groups, ssh]
cloud_config_modules: [set-passwords, timezone, disable-ec2-metadata, runcmd]
cloud_final_modules: [write-files-deferred, scripts-vendor, scripts-per-once,
  scripts-per-boot, scripts-per-instance, scripts-user, ssh-authkey-fingerprints,
  keys-to-console, final-message]
ssh_genkeytypes: [ed25519]
# whatever else the machine outside has for its own network
system_info: {network: {renderers: [networkd]}}
# no systemd runs that could restart networkd; it starts later and reads the same files
disable_network_activation: true
"""

# The disk of an image that never booted, on a machine that cloud-init may have set up.
FURNISH = """\
set -eu
rm -rf /var/lib/cloud /var/log/cloud-init* /etc/systemd/network/* \
    /etc/cloud/cloud-init.disabled /etc/cloud/ds-identify.cfg
find /etc/cloud/cloud.cfg.d -name '*.cfg' ! -name 05_logging.cfg -delete
! id debian 2>/dev/null || userdel --remove debian

# Devices without a disk, which could hold a seed for the machine outside, and with a
# console of its own.
mount -t tmpfs -o mode=755 tmpfs /mnt
for device in null zero full random urandom tty; do
    touch /mnt/$device
    mount --bind /dev/$device /mnt/$device
done
mkdir /mnt/shm
mount --bind /dev/shm /mnt/shm
ln -s /proc/self/fd /mnt/fd
touch /mnt/console
mount --move /mnt /dev

# What /sys, /proc and systemd tell in a virtual machine. The interfaces remain the
# kernel's; in /sys/class their links are relative, so they are mounted, not copied.
mount --bind /sys/class /mnt
mount -t tmpfs -o mode=755 tmpfs /sys/class
mkdir -p /sys/class/net /sys/class/dmi/id
mount --bind /mnt/net /sys/class/net
umount /mnt
[ ! -d /sys/hypervisor ] || mount -t tmpfs tmpfs /sys/hypervisor
mkdir /var/firmware
cat >/var/firmware/systemd-detect-virt <<'END'
#!/bin/sh
case " $* " in *" --container "*) exit 1 ;; esac
echo kvm
END
chmod 755 /var/firmware/systemd-detect-virt
mount --bind /var/firmware/systemd-detect-virt /usr/bin/systemd-detect-virt
cat >/var/firmware/cmdline
mount --bind /var/firmware/cmdline /proc/cmdline
"""

# cloud-init.target and its four services, in their order.
BOOT = f"""\
set -eu
mkdir -p /run/systemd /run/units/normal /run/units/early /run/units/late
{GENERATOR} /run/units/normal /run/units/early /run/units/late
[ -e /run/units/early/multi-user.target.wants/cloud-init.target ] || exit 0
cloud-init init --local
{shlex.join(NETWORKD.boot)}
cloud-init init
cloud-init modules --mode=config
cloud-init modules --mode=final
"""

NO_NETWORK_TREE = "Metadata 'network' key not valid: None."
"""Of the Ec2 source where there is no meta-data/network/: ZStack has none either, and
cloud-init goes on with its own configuration, DHCP on the first interface."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What tells a guest's cloud-init whom to ask."""

    name: str
    datasource: str
    """As result.json names it."""
    dmi: Mapping[str, str] = field(default_factory=dict)
    cmdline: str = "quiet"
    configuration: str = ""
    """What the maker of its image wrote into cloud.cfg.d."""
    allowed: tuple[str, ...] = ()
    """Warnings that it always gives, and that hurt nobody."""


PLATFORMS = {
    platform.name: platform
    for platform in (
        Platform(
            name="ec2",
            datasource="DataSourceEc2",
            dmi={"chassis_asset_tag": "www.zstack.io"},
            allowed=(NO_NETWORK_TREE,),
        ),
        Platform(
            name="openstack",
            datasource="DataSourceOpenStackLocal [net,ver=2]",
            dmi={"product_name": "OpenStack Nova"},
        ),
        Platform(
            name="nocloud",
            datasource=f"DataSourceNoCloudNet [seed=ds_config_seedfrom,{SEED}]"
            "[dsmode=net]",
            configuration="datasource_list: [ NoCloud ]\n"
            f"datasource: {{NoCloud: {{seedfrom: '{SEED}'}}}}\n",
        ),
    )
}
# With "ds=nocloud;", cloud-init 22.4 fetches everything and then takes it for the local
# stage's and leaves it: for a URL it has to be nocloud-net.
NOCLOUD_BY_SERIAL = Platform(
    name="nocloud-serial",
    datasource=f"DataSourceNoCloudNet [seed=dmi,{SEED}][dsmode=net]",
    dmi={"product_serial": f"ds=nocloud-net;s={SEED}"},
)
NOCLOUD_BY_CMDLINE = Platform(
    name="nocloud-cmdline",
    datasource=f"DataSourceNoCloudNet [seed=cmdline,{SEED}][dsmode=net]",
    cmdline=f"quiet ds=nocloud-net;s={SEED} ro",
)
UNMARKED = Platform(name="unmarked", datasource="")


class Instance:
    """A guest with cloud-init on its disk, as an image has it that never booted."""

    def __init__(self, machine: Machine, platform: Platform, number: int) -> None:
        require(*PROGRAMS, *NETWORKD.programs)
        self.platform = platform
        self.ip = f"10.0.0.{number}"
        self.mac = f"fa:16:3e:00:00:{number:02x}"
        self.id = f"i-{number:04}"
        self.hostname = f"web-{number}"
        self.guest = machine.add_guest(
            f"g{number}", self.mac, bridge="br0", writable=DISK
        )
        done = self.guest.run(["sh", "-c", FURNISH], stdin=platform.cmdline.encode())
        assert done.returncode == 0, done
        for key, value in platform.dmi.items():
            self.guest.path(f"/sys/class/dmi/id/{key}").write_text(value + "\n")
        image = self.guest.path("/etc/cloud/cloud.cfg.d/99_image.cfg")
        image.write_text(CONFIGURATION + platform.configuration)

    def boot(self) -> Process:
        """Start to boot; the process ends with 0 when cloud-init has finished."""
        return self.guest.start(["sh", "-c", BOOT])

    def octets(self, path: str) -> bytes:
        return self.guest.path(path).read_bytes()

    def text(self, path: str) -> str:
        """What is in a file; "" when there is none."""
        file = self.guest.path(path)
        return file.read_text() if file.is_file() else ""

    def result(self) -> object:
        """What cloud-init says of its last boot; None when it did not finish."""
        text = self.text("/var/lib/cloud/data/result.json")
        return json.loads(text)["v1"] if text else None

    def prove_finished(self) -> None:
        """Fail unless the last boot ended well, with the source that was meant."""
        datasource = self.platform.datasource
        assert self.result() == {"datasource": datasource, "errors": []}

    def stored(self, name: str) -> bytes:
        """A file of the instance that it takes itself for: user-data.txt ..."""
        # the link is absolute: followed from outside, it leads to the outside's /var
        link = self.guest.path("/var/lib/cloud/instance").readlink()
        return self.octets(f"{link}/{name}")

    def complaints(self) -> list[str]:
        """Warnings, errors and tracebacks in its log, but for the platform's own."""
        return [
            line
            for line in self.text("/var/log/cloud-init.log").splitlines()
            if any(word in line for word in ("[WARN", "[ERR", "[CRIT", "Traceback"))
            and not line.endswith(self.platform.allowed)
        ]
