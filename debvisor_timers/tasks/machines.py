# SPDX-License-Identifier: Apache-2.0
"""Virtual machines of libvirt: how they are reached, and which of them a task is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from debvisor_timers.tasks.base import BUSY, FAILED, NOT_INSTALLED, UNAVAILABLE, WRONG, TaskFailed

if TYPE_CHECKING:
    import libvirt

URI: Final = "qemu:///system"
TAGS: Final = "https://debvisor.org/timers/1"
"""The namespace of our metadata in the definition of a machine."""


PAUSED: Final = (3, 7)
"""Paused, and suspended by its own power management. Source: virDomainState."""

_STATUSES: Final = {42: WRONG, 67: WRONG, 68: BUSY, 83: BUSY, 84: WRONG}
"""By the number of an error of libvirt: no such machine, a configuration that cannot do it, the
lock of the machine not got within half a minute, a block job under way, not supported.

Source: virErrorNumber."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which machines are meant: those that have one of the names and one of the tags.

    names: names, UUIDs and globs; empty: all. tags: empty: with or without tags.
    exclude: globs of names that are not meant, whatever else says so.
    """

    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    uri: str = URI

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Selection:
        """Return what the parameters `vm_id`, `tag`, `exclude` and `uri` of a task say."""
        return cls(
            names=texts(config.get("vm_id")),
            tags=texts(config.get("tag")),
            exclude=texts(config.get("exclude")),
            uri=str(config.get("uri") or URI),
        )

    def __str__(self) -> str:
        """Return it as it stands in a configuration."""
        given = (("vm_id", self.names), ("tag", self.tags), ("exclude", self.exclude))
        words = [f"{key}: {', '.join(values)}" for key, values in given if values]
        return "; ".join(words) or "all machines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is asked of a machine to see whether it is meant."""

    name: str
    uuid: str
    tags: frozenset[str] = frozenset()


def connect(uri: str = URI) -> libvirt.virConnect:
    """Return a connection to libvirt at `uri`; the caller closes it.

    Raises TaskFailed, to be tried again where it does not answer; no retry installs its library.
    """
    try:
        import libvirt  # noqa: PLC0415 - only tasks of machines need it
    except ImportError as error:
        raise TaskFailed(
            "there is no libvirt for Python",
            fix="apt install python3-libvirt",
            exit_status=NOT_INSTALLED,
        ) from error
    libvirt.registerErrorHandler(_say_nothing, None)  # what fails is told once, by the exception
    try:
        return libvirt.open(uri)
    except libvirt.libvirtError as error:
        raise TaskFailed(
            f"libvirt at {uri} does not answer: {error}",
            fix="see: systemctl status libvirtd; virsh --connect " + uri + " list",
            exit_status=UNAVAILABLE,
        ) from error


@contextmanager
def connected(uri: str = URI) -> Iterator[libvirt.virConnect]:
    """Connect to libvirt as `connect` does, and hang up at the end."""
    connection = connect(uri)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def telling(what: str, *, fix: str = "") -> Iterator[None]:
    """Turn an error of libvirt into TaskFailed, "WHAT: ITS WORDS".

    fix: where another attempt would not help. The exit status says whether it would.
    """
    import libvirt  # noqa: PLC0415

    try:
        yield
    except libvirt.libvirtError as error:
        status = _STATUSES.get(error.get_error_code(), FAILED)
        raise TaskFailed(
            f"{what}: {error}", fix=fix if status == WRONG else "", exit_status=status
        ) from error


def select(connection: libvirt.virConnect, selection: Selection) -> list[libvirt.virDomain]:
    """Return the machines that are meant, sorted by name; those that run and those that are off.

    A glob or a tag that no machine has is told, and fails only where nothing at all is left.
    Raises TaskFailed for a name or UUID that no machine has, and where no machine is meant.
    """
    found = {known.name: (known, machine) for known, machine in _all(connection)}
    meant = choose(selection, [known for known, _ in found.values()])
    return [found[name][1] for name in meant]


def choose(selection: Selection, machines: Sequence[Known]) -> list[str]:
    """Return the names of the machines that are meant, sorted; see `select`."""
    named = {known.name for known in machines} if not selection.names else set()
    missing = []
    for wanted in selection.names:
        fitting = {known.name for known in machines if _has_name(known, wanted)}
        if not fitting and _is_glob(wanted):
            print(f"no virtual machine has a name like {wanted}", flush=True)
        elif not fitting:
            missing.append(wanted)
        named |= fitting
    if missing:
        raise TaskFailed(
            f"there is no virtual machine {' or '.join(missing)} on this host",
            fix="see: virsh list --all",
            exit_status=WRONG,
        )
    tagged = {known.name for known in machines if _has_tag(known, selection.tags)}
    left = {name for name in named & tagged if not _is_like(name, selection.exclude)}
    if not left:
        raise TaskFailed(
            f"no virtual machine of this host is meant by {selection}",
            fix="see: virsh list --all; where: {host: [...]} keeps a job to some hosts",
            exit_status=WRONG,
        )
    return sorted(left)


def state_of(machine: libvirt.virDomain) -> str:
    """Return whether a machine is running, paused or off."""
    with telling("it cannot be looked at"):
        if not machine.isActive():
            return "off"
        return "paused" if machine.state()[0] in PAUSED else "running"


def tags_in(definition: str) -> frozenset[str]:
    """Return the tags in the XML of a machine's definition.

    They are set by: virsh metadata NAME --uri https://debvisor.org/timers/1 --key timers
    --set '<tags><tag>nightly</tag></tags>' --config --live
    """
    root = ET.fromstring(definition)  # noqa: S314 - libvirt's own
    tags = root.iterfind(f"metadata/{{{TAGS}}}tags/{{*}}tag")
    return frozenset(text for tag in tags if (text := (tag.text or "").strip()))


def _all(connection: libvirt.virConnect) -> Iterator[tuple[Known, libvirt.virDomain]]:
    import libvirt  # noqa: PLC0415

    for machine in connection.listAllDomains(0):
        try:
            definition = machine.XMLDesc(0)
        except libvirt.libvirtError:
            continue  # it was removed a moment ago
        known = Known(name=machine.name(), uuid=machine.UUIDString(), tags=tags_in(definition))
        yield known, machine


def _has_name(known: Known, wanted: str) -> bool:
    exact = wanted == known.name or wanted.lower() == known.uuid
    return exact or (_is_glob(wanted) and fnmatchcase(known.name, wanted))


def _has_tag(known: Known, tags: Sequence[str]) -> bool:
    return not tags or not known.tags.isdisjoint(tags)


def _is_like(name: str, globs: Sequence[str]) -> bool:
    return any(name == glob or fnmatchcase(name, glob) for glob in globs)


def _is_glob(text: str) -> bool:
    return not {"*", "?", "["}.isdisjoint(text)


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a parameter that is one, a list of them, or not given."""
    if value is None or value == "":
        return ()
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)


def _say_nothing(_context: object, _error: object) -> None:
    """Take the message that libvirt's library would print beside the exception."""
