# SPDX-License-Identifier: Apache-2.0
"""Where things are on a host: every path that we read or write stands here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

TARGET = "debvisor-timers.target"
"""Holds every enabled timer: stopping it stops them all."""

BOOT_TARGET = "debvisor-timers-boot.target"
"""Holds the boot triggers; started by the boot, never by `apply`."""

WATCH_TIMER = "debvisor-timers-watch.timer"
"""Looks for what the end of no run announces, and sends what waits; stops where nothing is."""

WATCH_SERVICE = "debvisor-timers-watch.service"
"""Sends the messages that wait, and tells what the end of no run announces."""

UNDO_SERVICE = "debvisor-timers-undo-try.service"
"""Takes back what was tried and not confirmed; a transient timer of its name starts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The folders of one host; the defaults are those of the Debian package.

    config: config.yaml, jobs.d/ and templates/ of the administrator.
    units: where systemd reads the units that we write.
    shadows: where systemd reads units before it reads `units`; gone after a reboot.
    state: generations, the apply record, scripts, last results; survives a reboot.
    runtime: the lock, requests and running runs; gone after a reboot.
    libexec: begin, run and end.
    user: these are units of a user's own manager (`systemctl --user`), not of PID 1.
    root: where / of that system is here; another than / is one that does not run, an image say.
    """

    config: Path = Path("/etc/debvisor/timers")
    units: Path = Path("/etc/systemd/system")
    state: Path = Path("/var/lib/debvisor-timers")
    runtime: Path = Path("/run/debvisor-timers")
    shadows: Path = Path("/run/systemd/system.control")
    stamps: Path = Path("/var/lib/systemd/timers")
    libexec: Path = Path("/usr/libexec/debvisor-timers")
    user: bool = False
    root: Path = Path("/")

    @classmethod
    def of_user(cls, home: Path, runtime: Path) -> Self:
        """Return the folders of a user whose own manager runs the jobs.

        runtime: /run/user/UID. The programs of a run find the same by themselves
        (runtime/notes.py, `of_user`): the XDG_* variables, which each job may set, move nothing.
        """
        return cls(
            config=home / ".config/debvisor/timers",
            units=home / ".config/systemd/user",
            state=home / ".local/state/debvisor-timers",
            runtime=runtime / "debvisor-timers",
            shadows=runtime / "systemd/user.control",
            stamps=home / ".local/share/systemd/timers",
            user=True,
        )

    def below(self, root: Path) -> Self:
        """Return the same folders of another system, whose / is `root` here.

        Not `libexec`: it stands in unit files, which are read on that system.
        """

        def moved(folder: Path) -> Path:
            return root / folder.relative_to("/")

        return replace(
            self,
            config=moved(self.config),
            units=moved(self.units),
            state=moved(self.state),
            runtime=moved(self.runtime),
            shadows=moved(self.shadows),
            stamps=moved(self.stamps),
            root=root,
        )

    @property
    def runs_here(self) -> bool:
        """Return True when it is the system that we run on."""
        return self.root == Path("/")

    def seen(self, path: Path) -> Path:
        """Return `path` as it is called on the system itself."""
        if self.runs_here or not path.is_relative_to(self.root):
            return path
        return Path("/") / path.relative_to(self.root)

    @property
    def jobs(self) -> Path:
        """Return the folder of the job files."""
        return self.config / "jobs.d"

    @property
    def tasks(self) -> Path:
        """Return the folder of the files that declare task types."""
        return self.config / "tasks.d"

    @property
    def scripts(self) -> Path:
        """Return the folder of the scripts that jobs run, each named by its digest."""
        return self.state / "scripts"

    @property
    def last(self) -> Path:
        """Return the folder with one file a job: the result of its last real run."""
        return self.state / "last"

    @property
    def runs(self) -> Path:
        """Return the folder with one file for each job whose run is under way."""
        return self.runtime / "runs"

    @property
    def ended(self) -> Path:
        """Return the folder with one file a job: its newest end, skips included."""
        return self.runtime / "ended"

    @property
    def running(self) -> Path:
        """Return the folder with one file for each job whose run was let in and has not ended.

        On the disk, unlike `runs`: what a boot finds here was cut off by a crash.
        """
        return self.state / "running"

    @property
    def lost(self) -> Path:
        """Return the folder with one file for each run that was cut off and is still to be told."""
        return self.state / "lost"

    @property
    def paused(self) -> Path:
        """Return the folder with one file for each job that is paused."""
        return self.state / "paused"

    @property
    def skip_next(self) -> Path:
        """Return the folder with one file for each job whose next runs are to be skipped."""
        return self.state / "skip_next"

    @property
    def maintenance(self) -> Path:
        """Return the file that says that the host is in maintenance; there only while it is."""
        return self.state / "maintenance.json"

    @property
    def backfills(self) -> Path:
        """Return the folder with one file for each job whose backfill has not come to its end."""
        return self.state / "backfills"

    @property
    def index(self) -> Path:
        """Return the file of the index: runs that may be older than the journal."""
        return self.state / "history.sqlite"

    @property
    def renamed(self) -> Path:
        """Return the file that says which jobs were given another id, and when."""
        return self.state / "renamed.json"

    @property
    def notified(self) -> Path:
        """Return the folder with one file a job: what was told of it."""
        return self.state / "notified"

    @property
    def watch(self) -> Path:
        """Return the folder of what `watch` looks at, and of what it has seen."""
        return self.state / "watch"

    @property
    def queue(self) -> Path:
        """Return the folder with one file for each message that is to be sent."""
        return self.state / "queue"

    @property
    def given_up(self) -> Path:
        """Return the folder with one file for each message that could not be sent in time."""
        return self.queue / "given-up"

    @property
    def audit_head(self) -> Path:
        """Return the file with the newest link of the audit's chain."""
        return self.state / "audit.json"

    @property
    def trial(self) -> Path:
        """Return the file that says what is being tried, and what takes it back; mostly none."""
        return self.state / "try.json"

    @property
    def replaced(self) -> Path:
        """Return the folder with files of the administrator that a command has replaced."""
        return self.state / "replaced"

    @property
    def tokens(self) -> Path:
        """Return the file of the tokens of the API: their digests, never themselves."""
        return self.state / "tokens.json"

    @property
    def web_state(self) -> Path:
        """Return the folder of what the web server keeps by itself, which is not root's."""
        return self.state.with_name(f"{self.state.name}-web")

    @property
    def last_uses(self) -> Path:
        """Return the file in which the web server notes when each token was last used."""
        return self.web_state / "last-uses.json"

    @property
    def agent(self) -> Path:
        """Return the socket at which the agent listens."""
        return self.runtime / "io.debvisor.Timers"

    @property
    def attempts(self) -> Path:
        """Return the folder with one file for each change that is being made right now."""
        return self.runtime / "attempts"
