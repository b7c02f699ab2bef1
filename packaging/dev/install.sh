#!/bin/sh
# Install Debian's packages for `make lab` or `make test`.  No service is started, and
# none that was not here before is left to start at the next boot.
set -eu

lab="iproute2 nftables isc-dhcp-client udhcpc busybox dhcpcd-base python3-venv"
test="$lab bind9-dnsutils cloud-guest-utils cloud-init curl dbus-daemon dnsmasq-base dnsperf dosfstools ethtool fdisk gcc
  genisoimage iptables iputils-arping iputils-ping kea-admin kea-dhcp4-server ldnsutils libarchive-tools
  lighttpd mtools musl-tools openssh-client p7zip-full passwd procps python3-dev python3-dnslib
  python3-h11 python3-jsonschema python3-prometheus-client python3-pycdlib python3-pyroute2
  python3-toml python3-trio systemd tcpdump util-linux wrk"

case "${1:?lab or test}" in
lab) wanted=$lab ;;
test) wanted=$test ;;
*) echo "usage: $0 lab|test" >&2; exit 2 ;;
esac

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo

# Of these the programs alone are laid aside: their packages would take /etc/resolv.conf
# over, and name the disks of this machine as those of an instance of EC2.
aside=$(dirname "$0")/../../.deps
for each in resolved:systemd-resolved ec2:amazon-ec2-utils; do
	there=$aside-${each%%:*} package=${each#*:}
	[ "$1" = test ] && [ ! -d "$there" ] || continue
	$as_root apt-get update -qq
	fetched=$(mktemp -d)
	(cd "$fetched" && apt-get download -qq "$package" 2>/dev/null)
	dpkg -x "$fetched"/*.deb "$there"
	rm -r "$fetched"
done

missing=
for package in $wanted; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '$as_root rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
	$as_root chmod 755 $policy
fi
$as_root apt-get update -qq
# shellcheck disable=SC2086 # the names are words
$as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get install -qq -y --no-install-recommends $missing >/dev/null
case " $missing " in
*" cloud-init "*) $as_root touch /etc/cloud/cloud-init.disabled ;;
esac
for service in kea-dhcp4-server lighttpd; do
	case " $missing " in
	*" $service "*) $as_root systemctl disable --quiet $service 2>/dev/null || true ;;
	esac
done
