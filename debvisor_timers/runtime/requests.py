# SPDX-License-Identifier: Apache-2.0
"""Requests: the word that whoever starts a job leaves for its `begin`: who it is, or which runs.

Loaded by `begin`, where there is one, and by those who leave one; imports nothing of ours.
"""

import json
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


FRESH_SECONDS = 60
MOST_BYTES = 64 * 1024

FIELDS = {
    "trigger": "DEBVISOR_TRIGGER",
    "runs": "DEBVISOR_TRIGGER_RUNS",
    "retry_of": "DEBVISOR_RETRY_OF",
    "scheduled_usec": "DEBVISOR_SCHEDULED_USEC",
    "force": "FORCED",
}
"""What a request can say besides who asks; `runs` is a list of `JOB:RUN`.

scheduled_usec: the time of the schedule that a backfill makes up for.
"""


def asked(folder: str, job: str, now_usec: int) -> dict[str, str]:
    """Return who or what asked for this run, and remove the request; empty without a fresh one.

    A request only says who asked: one that cannot be read or trusted keeps no run from starting.
    """
    try:
        request = take(folder, f"{job}.json")
        fresh = 0 <= now_usec - request["requested_usec"] <= FRESH_SECONDS * 1_000_000
        user, uid, login_uid = request["user"], request["uid"], request["login_uid"]
        known = type(user) is str and type(uid) is int and type(login_uid) in {int, type(None)}
        user.encode("utf-8", "surrogateescape")
        fields = {name: as_text(request[key]) for key, name in FIELDS.items() if key in request}
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return {}
    if not fresh or not known:
        return {}
    fields["REQUESTED_USEC"] = str(request["requested_usec"])
    if "DEBVISOR_TRIGGER" in fields:
        return fields  # another job, not a person
    names = {"DEBVISOR_BY": user, "DEBVISOR_BY_UID": str(uid), **fields}
    # None: nobody has logged in, as for a request from a container or a timer.
    return names if login_uid is None else {**names, "DEBVISOR_BY_LOGIN_UID": str(login_uid)}


def as_text(value: object) -> str:
    """Return what a request says, on one line; raise ValueError for what it cannot say."""
    several = value if type(value) is list else [value]
    words = ["1" if word is True else word for word in several]
    if any(type(word) is not str for word in words):
        raise ValueError(f"a request says {value!r}")
    return " ".join(map(str, words))


def take(path: str, name: str) -> "Any":
    """Return the JSON of the file `name`, which is removed, in a folder that only we can write.

    Raises OSError and ValueError; what comes back may be something else than a mapping.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise PermissionError(f"others may write in {path}")
        # A named pipe would wait for a writer for ever.
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)
    with open(file, "rb") as opened:
        return json.loads(opened.read(MOST_BYTES))


def leave(notes: "Any", runtime: str, job: str, trigger: str, runs: list[str]) -> None:
    """Let the next run of `job` know what has started it, and which runs that were, as JOB:RUN.

    notes: the module. Raises OSError.
    """
    said = {"requested_usec": time.time_ns() // 1000, "trigger": trigger, "runs": runs}
    said |= {"user": "root", "uid": 0, "login_uid": None}
    folder = notes.open_folder(f"{runtime}/requests")
    new = os.open(f".{job}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=folder)
    with open(new, "w", encoding="ascii") as file:
        json.dump(said, file)
    os.rename(f".{job}", f"{job}.json", src_dir_fd=folder, dst_dir_fd=folder)
    os.close(folder)
