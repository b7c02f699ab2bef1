"""The device that a VM has a drive as, in libvirt's XML."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

CDROM = ("cdrom", "sda", "sata")  # what libvirt calls it, its name, its bus
DISK = ("disk", "vdz", "virtio")


def describe_device(path: Path, kind: tuple[str, str, str]) -> str:
    """Return the <disk> of the image at *path*; a guest cannot write to it."""
    device, name, bus = kind
    return (
        f"<disk type='file' device='{device}'>\n"
        "  <driver name='qemu' type='raw'/>\n"
        f"  <source file={quoteattr(str(path))}/>\n"
        f"  <target dev='{name}' bus='{bus}'/>\n"
        "  <readonly/>\n"
        "</disk>\n"
    )
