# SPDX-License-Identifier: Apache-2.0
"""Rendered units, read by systemd itself: loaded, read back over D-Bus, verified, and run."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.retries import Retries
from debvisor_timers.layout import Layout
from debvisor_timers.render.check import DIRECTIVE_SINCE
from debvisor_timers.render.job import render_job
from debvisor_timers.render.names import service_unit
from debvisor_timers.render.unitfile import UnitFile
from tests.box import inside_a_box
from tests.unit.render import hostile
from tests.unit.render.settings import job as plain_job
from tests.unit.render.settings import settings

pytestmark = pytest.mark.skipif(
    not inside_a_box(), reason="asks the systemd that booted this machine: runs in the box"
)

UNITS = Path("/etc/systemd/system")
ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Layout().libexec
JOBS = 200
MICROSECOND = timedelta(microseconds=1)
PROBES = 300

# Shows what reached it: the script that it was given too, when it stands for a shell.
SHOW = """\
#!/usr/bin/python3 -IS
import base64, json, os, sys
def text(data): return base64.b64encode(data).decode()
environ = open("/proc/self/environ", "rb").read().split(b"\\0")
script = sys.argv[1] if len(sys.argv) == 2 and os.path.isfile(sys.argv[1]) else None
shown = {
    "argv": [text(os.fsencode(word)) for word in sys.argv[1:]],
    "environ": [text(variable) for variable in environ],
    "stdin": text(sys.stdin.buffer.read()),
    "folder": text(os.getcwdb()),
    "script": text(open(script, "rb").read()) if script else None,
}
with open("/run/shown/" + os.path.basename(sys.argv[0]), "w") as file:
    json.dump(shown, file)
"""

STAND_INS = {
    "begin": "#!/bin/sh\nexit 0\n",
    "run": '#!/bin/sh\nshift\nexec "$@"\n',
    "end": "#!/bin/sh\nexit 0\n",
}


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """The real helpers where they are installed, stand-ins that do nothing otherwise."""
    if (INSTALLED / "run").exists():
        return Layout()
    folder = tmp_path_factory.mktemp("libexec")
    for name, text in STAND_INS.items():
        write_program(folder / name, text)
    return Layout(libexec=folder)


def systemctl(*arguments: str) -> None:
    done = subprocess.run(
        ["systemctl", *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        show = ["journalctl", "-b", "-p", "warning", "-n", "60", "--no-pager"]
        journal = subprocess.run(show, capture_output=True, text=True, check=False).stdout
        pytest.fail(f"systemctl {' '.join(arguments)[:200]}: {done.stderr}\n{journal}")


def hostile_jobs(count: int) -> list[Job]:
    """Return `count` jobs, the same ones in every run of the tests."""
    found: list[Job] = []

    @hypothesis_settings(
        max_examples=2 * count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile.jobs())
    def collect(job: Job) -> None:
        number = len(found)
        program = f"/run/show/hostile-{number}"
        change: dict[str, Any] = {"id": f"hostile-{number}"}
        if job.command:
            change["command"] = (program, *job.command[1:])
        else:
            change["shell"] = program
        if number < count:
            found.append(job.model_copy(update=change))

    collect()
    assert len(found) == count
    return found


@dataclass(frozen=True)
class Loaded:
    jobs: Sequence[Job]
    layout: Layout
    shown: Mapping[str, dict[str, Any]]


@pytest.fixture(scope="module")
def loaded(layout: Layout) -> Iterator[Loaded]:
    """Hostile jobs, rendered, loaded by one reload, and run."""
    jobs = hostile_jobs(JOBS)
    written = [UNITS / name for job in jobs for name in install(job, layout)]
    Path("/run/shown").mkdir(exist_ok=True)
    systemctl("daemon-reload")
    systemctl("start", *[service_unit(job.id) for job in jobs])
    shown = {job.id: json.loads(Path("/run/shown", job.id).read_text()) for job in jobs}
    yield Loaded(jobs, layout, shown)
    for path in written:
        path.unlink()
    systemctl("daemon-reload")


def install(job: Job, layout: Layout) -> list[str]:
    rendered = render_job(job, settings(layout=layout), generation=1)
    for name, text in rendered.files.items():
        (UNITS / name).write_text(text, encoding="utf-8")
    for name, text in rendered.scripts.items():
        layout.scripts.mkdir(parents=True, exist_ok=True)
        (layout.scripts / name).write_bytes(text.encode())
    write_program(Path("/run/show", job.id), SHOW)
    if job.working_directory:
        Path(job.working_directory).mkdir(exist_ok=True)
    for path in job.environment_files:
        Path(path.removeprefix("-")).write_text(f"{file_variable(path)}=read\n", encoding="utf-8")
    return list(rendered.files)


def file_variable(path: str) -> str:
    return f"FILE_{hashlib.sha256(path.encode()).hexdigest()[:16]}"


def decoded(shown: Any) -> bytes:
    return base64.b64decode(shown)


def test_every_argument_reaches_the_program(loaded: Loaded) -> None:
    for job in loaded.jobs:
        shown = loaded.shown[job.id]
        argv = [decoded(word) for word in shown["argv"]]
        if job.command:
            assert argv == [word.encode() for word in job.command[1:]]
        else:
            assert job.script is not None
            assert len(argv) == 1
            assert decoded(shown["script"]) == job.script.encode()


def test_the_environment_reaches_the_program(loaded: Loaded) -> None:
    for job in loaded.jobs:
        found = {decoded(variable) for variable in loaded.shown[job.id]["environ"]}
        wanted = {f"{name}={value}".encode() for name, value in job.environment.items()}
        wanted |= {f"{file_variable(path)}=read".encode() for path in job.environment_files}
        assert wanted - found == set()
        ours = {variable for variable in found if variable.startswith((b"H_", b"FILE_"))}
        assert ours == wanted


def test_standard_input_and_folder_reach_the_program(loaded: Loaded) -> None:
    for job in loaded.jobs:
        shown = loaded.shown[job.id]
        assert decoded(shown["stdin"]) == (job.input or "").encode()
        assert decoded(shown["folder"]) == (job.working_directory or "/").encode()


SERVICE = "org.freedesktop.systemd1.Service"
UNIT = "org.freedesktop.systemd1.Unit"


def object_path(unit: str) -> str:
    label = re.sub(
        r"[^A-Za-z0-9]|^[0-9]", lambda match: f"_{ord(match[0]):02x}", unit, flags=re.ASCII
    )
    return f"/org/freedesktop/systemd1/unit/{label}"


def properties(unit: str, interface: str) -> dict[str, Any]:
    """Return every property of a loaded unit, as JSON has it."""
    answer = subprocess.run(
        ["busctl", "--json=short", "call", "org.freedesktop.systemd1", object_path(unit),
         "org.freedesktop.DBus.Properties", "GetAll", "s", interface],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    found: dict[str, dict[str, Any]] = json.loads(answer)["data"][0]
    return {name: value["data"] for name, value in found.items()}


def test_systemd_holds_the_values_of_the_job(loaded: Loaded) -> None:
    for job in loaded.jobs:
        service = properties(service_unit(job.id), SERVICE)
        [command] = service["ExecStart"]
        argv = [word.replace("$$", "$") for word in command[1]]
        assert argv[:2] == [f"{loaded.layout.libexec}/run", job.id]
        assert tuple(argv[2:]) == job.command or argv[2] == job.shell
        assert service["Environment"] == [f"{n}={v}" for n, v in job.environment.items()]
        files = [[re.sub(r"([*?\[\]\\])", r"\\\1", p[1:]), True] for p in job.environment_files]
        assert service["EnvironmentFiles"] == files
        folder = job.working_directory  # D-Bus shows a folder that may be missing with a "!"
        assert service["WorkingDirectory"] == (f"!{folder}" if folder.startswith("/") else folder)
        assert bytes(service["StandardInputData"]) == (job.input or "").encode()
        fields = [f"DEBVISOR_JOB={job.id}"]
        fields += [f"DEBVISOR_OWNER={job.owner}"] if job.owner else []
        fields += [f"DEBVISOR_TAG={name}={value}" for name, value in job.tags.items()]
        assert [bytes(field).decode() for field in service["LogExtraFields"]] == fields


def test_descriptions_are_those_of_the_jobs(loaded: Loaded) -> None:
    for job in loaded.jobs:
        unit = properties(service_unit(job.id), UNIT)
        assert unit["LoadState"] == "loaded"
        assert unit["LoadError"] == ["", ""]
        visible = re.sub("[\u2028-\u202e\u2066-\u2069]+", " ", job.name or job.id).strip()
        assert unit["Description"].rstrip("\\") == (visible or service_unit(job.id)).rstrip("\\")


# What a job says by its own keys, what differs with its slice, and what differs with each run.
OWN_SERVICE = re.compile(
    r"ExecStart(Pre)?(Ex)?|ExecStopPost(Ex)?|Environment|EnvironmentFiles|UnsetEnvironment"
    r"|WorkingDirectory|StandardInput|StandardInputData|LogExtraFields|SyslogIdentifier|Slice|ControlGroup.*"
    r"|ExecMain.*|.*Timestamp.*|CPUUsageNSec|Memory(Current|Peak|Available|EffectiveMax|EffectiveHigh)"
    r"|MemorySwap(Current|Peak)|MemoryZSwapCurrent|Tasks(Current|EffectiveMax)|I[OP].*|EffectiveTasksMax"
    r"|EffectiveMemory.*|.*PID|UID|GID|NRestarts|InvocationID"
)
OWN_UNIT = re.compile(
    r"Id|Names|Description|FragmentPath|InvocationID|.*Timestamp.*|TriggeredBy|After|Requires|OnFailure"
    r"|WantsMountsFor|RequiresMountsFor|Job|ActivationDetails|SourcePath"
)


def test_no_property_is_gained(loaded: Loaded) -> None:
    plain = plain_job("plain", command=["/run/show/plain"])
    names = install(plain, loaded.layout)
    systemctl("daemon-reload")
    systemctl("start", "debvisor-job-plain.service")
    for interface, own in ((SERVICE, OWN_SERVICE), (UNIT, OWN_UNIT)):
        wanted = others(properties("debvisor-job-plain.service", interface), own)
        assert len(wanted) > 40
        for job in loaded.jobs:
            found = others(properties(service_unit(job.id), interface), own)
            assert {n: v for n, v in found.items() if v != wanted[n]} == {}
    for name in names:
        (UNITS / name).unlink()


def others(found: Mapping[str, Any], own: re.Pattern[str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not own.fullmatch(name)}


def test_no_dependency_is_gained(loaded: Loaded) -> None:
    allowed = re.compile(
        r"debvisor-normal-[0-9a-f]\.slice|-\.mount|(sysinit|basic)\.target|systemd-journald\.socket"
        r"|debvisor-job-hostile-\d+\.timer|debvisor-timers-notify@hostile-\d+\.service"
    )
    for job in loaded.jobs:
        unit = properties(service_unit(job.id), UNIT)
        for kind in ("After", "Requires", "Wants", "Conflicts", "Before", "OnFailure", "BindsTo"):
            names = set(unit[kind]) - {"shutdown.target"}
            assert [name for name in names if not allowed.fullmatch(name)] == []


EXAMPLES = sorted(
    file for file in (ROOT / "examples").glob("*/*.yaml") if file.parent.name != "ansible"
)
CASES = sorted((ROOT / "tests" / "cases" / "render").glob("*.yaml"))


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("file", [*EXAMPLES, *CASES], ids=lambda file: file.stem)
def test_verify_has_nothing_to_say(file: Path, layout: Layout, tmp_path: Path) -> None:
    jobs = [*load_files([file]).require().jobs.values()]
    of_all = settings(layout=layout, jobs=jobs, pools={"backup": 5})
    units: dict[str, str] = {}
    for job in jobs:
        units |= render_job(job, of_all, generation=1).files
        for needed in job.needed_units:
            is_service = needed.endswith("service")
            stub = "[Service]\nExecStart=/bin/true\n" if is_service else "[Unit]\n"
            (tmp_path / needed).write_text(stub)
    for name, text in units.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *[str(tmp_path / name) for name in units]],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (said.returncode, said.stderr) == (0, "")


def test_systemd_holds_what_jobs_wait_for_and_how_often_they_are_tried(layout: Layout) -> None:
    growing = {"max": 5, "max_delay": "10min", "never_on_exit": [5, 6]}
    jobs = [
        plain_job("waits", retries=growing, conflicts_with=["other"], pool="backup"),
        plain_job("other", triggers=[{"success_of": ["waits"]}, {"failure_of": ["waits"]}]),
    ]
    of_all = settings(layout=layout, jobs=jobs, pools={"backup": 5})
    text = render_job(jobs[0], of_all, generation=1).files["debvisor-job-waits.service"]
    path = Path("/run/systemd/system/debvisor-job-waits.service")
    path.write_text(text, encoding="utf-8")
    load_unit(path.name)

    unit, service = properties(path.name, UNIT), properties(path.name, SERVICE)
    path.unlink()
    assert (unit["LoadState"], unit["StartLimitBurst"]) == ("loaded", 6)
    assert unit["StartLimitIntervalUSec"] == 2685 * 10**6
    assert unit["OnSuccess"] == ["debvisor-timers-chain@waits:other.service"]
    assert set(unit["OnFailure"]) == {
        "debvisor-timers-notify@waits.service",
        "debvisor-timers-chain@waits:other.service",
    }
    assert (service["Restart"], service["RestartMode"]) == ("on-failure", "direct")
    assert (service["RestartUSec"], service["RestartSteps"]) == (60 * 10**6, 3)
    assert service["RestartMaxDelayUSec"] == 480 * 10**6
    assert service["RestartPreventExitStatus"] == [[5, 6], []]
    assert (service["FileDescriptorStoreMax"], service["NotifyAccess"]) == (2, "exec")
    assert service["TimeoutStartUSec"] == (6 * 3600 + 60) * 10**6


@pytest.mark.parametrize(
    "retries",
    [
        {"max": 4, "delay": "30ms", "factor": 2},
        {"max": 4, "delay": "30ms", "factor": 3, "max_delay": "100ms"},
        {"max": 4, "delay": "70ms", "factor": 1.5, "max_delay": "400ms"},
        {"max": 3, "delay": "20ms", "factor": 1},
        {"max": 2, "delay": 0},
        {"max": 5, "delay": "10001us", "factor": 1.001},
    ],
    ids=str,
)
def test_systemd_never_waits_longer_than_was_asked_for(retries: dict[str, object]) -> None:
    wanted = [delay // MICROSECOND for delay in Retries.model_validate(retries).delays]
    told = Path("/run/delays")
    told.write_text("")
    text = render_job(plain_job(retries=retries), settings(), generation=1).files[
        "debvisor-job-a.service"
    ]
    restarts = [line for line in text.splitlines() if line.startswith("Restart")]
    name = "probe-delays.service"
    ask = f"busctl get-property org.freedesktop.systemd1 {object_path(name)} {SERVICE}"
    path = Path(f"/run/systemd/system/{name}")
    path.write_text(
        f"[Unit]\nStartLimitBurst={len(wanted) + 1}\nStartLimitIntervalSec=60\n"
        "[Service]\nType=oneshot\nExecStart=/bin/false\n"
        f"ExecStopPost=/bin/sh -c '{ask} RestartUSecNext >>{told}'\n" + "\n".join(restarts)
    )
    systemctl("daemon-reload")

    subprocess.run(["systemctl", "start", name], capture_output=True, timeout=60, check=False)

    path.unlink()
    systemctl("daemon-reload")
    systemctl("reset-failed", name)
    by_systemd = [int(line.split()[1]) for line in told.read_text().splitlines()][: len(wanted)]
    assert len(by_systemd) == len(wanted)
    assert all(got <= asked for got, asked in zip(by_systemd, wanted, strict=True))
    exact = len(Retries.model_validate(retries).growing_delays(len(wanted)))
    pairs = zip(by_systemd[:exact], wanted[:exact], strict=True)
    assert all(asked - got <= 2 for got, asked in pairs)


def test_systemd_knows_each_directive_from_the_version_that_we_say() -> None:
    manager = "/usr/lib/systemd/systemd"
    dump = subprocess.run(
        [manager, "--dump-configuration-items"], check=True, capture_output=True, text=True
    ).stdout
    known = {line.partition("=")[0] for line in dump.splitlines() if "=" in line}
    version = subprocess.run([manager, "--version"], check=True, capture_output=True, text=True)
    running = int(version.stdout.split()[1])
    assert {name for name in DIRECTIVE_SINCE if name in known} == {
        name for name, since in DIRECTIVE_SINCE.items() if since <= running
    }


PIECES = st.sampled_from(
    ["Description", "=", "Description=", "Description = a b ", "Description=x\\", "word", "é",
     "Documentation=man:x", "[Unit]", "[Service]", "[X-Debvisor]", "[", "]", "#", ";", " ", "\t",
     "\\", "\\\\", "\n", "\n\n", "\r", "\r\n", "\n\r", "\0", "\n#", "\\\n", "\\\n# c\n",
     "\\\n\n", "\ufeff"]
)  # fmt: skip


def probe_texts(count: int) -> list[str]:
    found: dict[str, None] = {}

    @hypothesis_settings(
        max_examples=2 * count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(PIECES, min_size=3, max_size=25).map("".join))
    def collect(text: str) -> None:
        found[text] = None

    collect()
    return list(found)[-count:]


def test_a_unit_file_says_to_us_what_it_says_to_systemd() -> None:
    texts = [
        f"[Unit]\nDescription=before\n{text}\n\n[Service]\nExecStart=/bin/true\n"
        for text in probe_texts(PROBES)
    ]
    for number, text in enumerate(texts):
        Path(f"/run/systemd/system/probe-{number}.service").write_bytes(text.encode())
    systemctl("daemon-reload")
    differences = []
    compared = 0
    for number, text in enumerate(texts):
        name = f"probe-{number}.service"
        load_unit(name)
        unit = properties(name, UNIT)
        file = UnitFile.parse(text)
        # A header without its bracket: systemd refuses the whole file.
        if any(section.startswith("[") for section in file.sections()):
            continue
        compared += 1
        wanted = file.get("Unit", "Description")[-1] or name
        if unit["Description"] != wanted:
            differences.append((text, wanted, unit["Description"]))
    assert differences == []
    assert compared > PROBES / 2


def load_unit(name: str) -> None:
    subprocess.run(
        ["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
         "org.freedesktop.systemd1.Manager", "LoadUnit", "s", name],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
