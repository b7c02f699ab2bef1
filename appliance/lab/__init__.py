"""A whole network on one machine, to look at and to test against.

A *cell* is a set of namespaces that lives as long as its owner holds it (cell, init).
The *machine* is a cell: the hypervisor, with a bridge. *Guests* are cells inside it,
with an interface on the bridge and a disk whose changes are forgotten; real DHCP
clients boot in them (clients), then the requests of cloud-init (crawl).
`metalease lab` shows it (lab, screen); the integration tests stand on it.
"""
