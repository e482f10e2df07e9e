# SPDX-License-Identifier: Apache-2.0
"""What several files say of the package must agree: pyproject.toml, debian/, constraints.txt."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from debvisor_timers import __version__
from debvisor_timers.render.location import NOTIFY, NOTIFY_TEMPLATES, REPORT, TEMPLATES
from tests.box.recipes import BASE, WEB

ROOT = Path(__file__).parents[2]
PAGES = {f"web/{path.name}" for path in (ROOT / "templates/web").glob("*.html.j2")}
"""Nobody replaces a page, so no list in the program names them."""
SHIPPED = {*TEMPLATES, REPORT, *PAGES, *(f"{NOTIFY}/{name}" for name in NOTIFY_TEMPLATES)}
DEBIAN = ROOT / "debian"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPILED = {"libvirt-python", "pystemd", "systemd-python"}
"""Need headers of C; the Makefile leaves them to the box."""


def requirements() -> list[Requirement]:
    """Return what pyproject.toml names: for hosts, for the build, and what is optional."""
    lines = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["build-system"]["requires"]]
    return [*map(Requirement, lines), *optional()]


def optional() -> list[Requirement]:
    """Return what pyproject.toml names for what not every host is asked for."""
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    return [Requirement(line) for lines in extras for line in lines]


def debian_names() -> dict[str, str]:
    """Return the Debian package that a comment in pyproject.toml gives to each requirement."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.finditer(r'"([A-Za-z][\w-]*)[^"]*".*# Debian: (\S+)$', text, re.MULTILINE)
    return {match[1]: match[2] for match in found}


def debian_names_on_hosts() -> set[str]:
    """Return the Debian packages of what is needed on hosts, not of what builds."""
    names = debian_names()
    needed = map(Requirement, PYPROJECT["project"]["dependencies"])
    return {names[requirement.name] for requirement in needed}


def control_field(name: str) -> list[str]:
    """Return the packages of a field of debian/control, without their versions."""
    text = (DEBIAN / "control").read_text(encoding="utf-8")
    found = re.search(rf"^{name}:((?:\n .*)+)", text, re.MULTILINE)
    assert found, name
    return [line.split()[0].rstrip(",") for line in found[1].strip().splitlines()]


def constraints() -> Mapping[str, Version]:
    """Return the pinned versions by the canonical name of the project."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("#")[0].strip().split("==") for line in lines if line.split("#")[0].strip()]
    return {canonicalize_name(name): Version(version) for name, version in pins}


def test_every_dependency_names_its_debian_package() -> None:
    assert debian_names().keys() == {requirement.name for requirement in requirements()}


def test_the_package_is_built_with_what_pyproject_names_and_with_nothing_else() -> None:
    python = {name for name in control_field("Build-Depends") if name.startswith("python3-")}

    needed = {debian for name, debian in debian_names().items() if name not in optional_names()}
    assert python - {"python3-all"} == needed


def optional_names() -> set[str]:
    return {requirement.name for requirement in optional()}


def test_what_is_optional_is_suggested() -> None:
    suggested = {name for name in control_field("Suggests") if name.startswith("python3-")}
    web = {Requirement(line).name for line in PYPROJECT["project"]["optional-dependencies"]["web"]}

    assert suggested == {debian_names()[name] for name in optional_names() - web}


def test_what_hosts_need_is_said_in_pyproject_alone() -> None:
    """dh_python3 makes the field of it; a name written by hand would outlive its dependency."""
    depends = control_field("Depends")

    assert "${python3:Depends}" in depends
    assert not [name for name in depends if name.startswith("python3-")]


def test_the_server_depends_on_what_pyproject_names_for_it() -> None:
    control = (DEBIAN / "control").read_text(encoding="utf-8")
    field = control.partition("Package: debvisor-timers-web")[2].partition("Depends:")[2]
    depends = {line.strip(" ,") for line in field.partition("\nSuggests:")[0].splitlines()}
    web = {Requirement(line).name for line in PYPROJECT["project"]["optional-dependencies"]["web"]}
    needed = {debian_names()[name] for name in web}

    assert {name for name in depends if name.startswith("python3-")} == needed
    assert needed <= set(WEB.packages)
    assert "debvisor-timers (= ${binary:Version})" in depends


def test_the_server_is_kept_in_its_sandbox() -> None:
    text = (ROOT / "units/web/debvisor-timers-web.service").read_text(encoding="utf-8")

    for line in ("CapabilityBoundingSet=", "PrivateNetwork=yes", "ProtectSystem=strict"):
        assert line in text.splitlines()
    assert "credential" not in text.lower().replace("importcredential=debvisor-timers-web.*", "")


def test_the_box_has_what_a_host_has() -> None:
    """Its autoremove shows a forgotten dependency: only of packages that the base brings."""
    brought = {name for name in BASE.packages if name.startswith("python3-")}

    assert brought == debian_names_on_hosts()


def test_the_version_is_the_same_everywhere() -> None:
    changelog = (DEBIAN / "changelog").read_text(encoding="utf-8")
    news = (ROOT / "NEWS.md").read_text(encoding="utf-8")

    newest = re.match(r"debvisor-timers \(([^)-]+)\) ", changelog)
    told = re.search(r"^## (\S+)", news, re.MULTILINE)

    assert newest
    assert told
    assert (newest[1], told[1]) == (__version__, __version__)


def test_every_unit_is_installed_where_systemd_looks() -> None:
    lines = (DEBIAN / "debvisor-timers.install").read_text(encoding="utf-8").splitlines()
    patterns = [line.split()[0] for line in lines if line.split()[1:] == ["usr/lib/systemd/system"]]
    units = [f"units/{path.name}" for path in (ROOT / "units").iterdir() if path.is_file()]

    assert len(units) >= 9
    missing = [
        name for name in units if not any(fnmatchcase(name, pattern) for pattern in patterns)
    ]
    assert missing == []


def test_every_unit_that_can_be_enabled_is_enabled_by_the_package() -> None:
    rules = (DEBIAN / "rules").read_text(encoding="utf-8")
    enabled = " ".join(re.findall(r"^units \+?= (.*)$", rules, re.MULTILINE))
    can_be = {
        path.name for path in (ROOT / "units").glob("*.*") if "[Install]" in path.read_text("utf-8")
    }

    assert set(enabled.split()) == can_be


@pytest.mark.parametrize("name", ["notify", "chain"])
def test_what_failures_start_has_no_limit_waits_for_no_job_and_takes_ids_as_they_are(
    name: str,
) -> None:
    text = (ROOT / f"units/debvisor-timers-{name}@.service").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    words = {key: value for key, equals, value in (x.partition("=") for x in lines) if equals}

    assert words["StartLimitIntervalSec"] == "0"
    assert words["Type"] == "oneshot"
    assert words["ExecStart"].endswith(" %i")
    assert int(words["TimeoutStartSec"].removesuffix("min")) <= 5
    assert words.keys().isdisjoint({"OnFailure", "OnSuccess", "After", "Restart", "Slice"})


def test_constraints_allow_every_dependency() -> None:
    pins = constraints()
    for requirement in requirements():
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not in constraints.txt"
        assert pin in requirement.specifier, f"{requirement} does not allow {pin}"


def test_constraints_name_what_the_dependencies_need_in_their_turn() -> None:
    """Else a fresh checkout would be tested with what was uploaded yesterday."""
    pins = constraints()
    seen = 0
    for name, pin in pins.items():
        if name not in COMPILED and Version(metadata.version(name)) == pin:
            seen += 1
            missing = [needed for needed in needs(name) if canonicalize_name(needed) not in pins]
            assert not missing, f"{name} {pin} needs {', '.join(missing)}"
    assert seen >= 10


def needs(name: str) -> Iterator[str]:
    """Yield what the installed distribution `name` needs on this machine, without extras."""
    for line in metadata.requires(name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


BUILD = "import sys, hatchling.build as build; print(build.{hook}(sys.argv[1]))"
ASK = """
import site, sys
site.addsitedir(sys.argv[1])
import debvisor_timers.render.location as location
print(location.__file__)
print(location.find_templates())
"""


def install(hook: str, folder: Path) -> Path:
    """Build a wheel of this checkout by a hook of PEP 517 or 660, unpack it, return where."""
    argv = [sys.executable, "-c", BUILD.format(hook=hook), str(folder)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    site = folder / "site"
    with zipfile.ZipFile(folder / done.stdout.split()[-1]) as wheel:
        wheel.extractall(site)
    return site


def ask(site: Path) -> list[str]:
    """Return the file that the package was imported from, and where its templates are.

    Without the site-packages of this Python: the checkout may be installed there.
    """
    argv = [sys.executable, "-I", "-S", "-c", ASK, str(site)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=site)
    return done.stdout.splitlines()


def test_a_wheel_finds_the_templates_that_it_carries(tmp_path: Path) -> None:
    site = install("build_wheel", tmp_path)

    imported, templates = ask(site)

    assert imported == f"{site}/debvisor_timers/render/location.py"
    assert templates == f"{site}/debvisor_timers/_templates"
    for name in SHIPPED:
        carried = (site / "debvisor_timers/_templates" / name).read_bytes()
        assert carried == (ROOT / "templates" / name).read_bytes()


def test_an_editable_install_finds_the_templates_of_the_checkout(tmp_path: Path) -> None:
    site = install("build_editable", tmp_path)

    imported, templates = ask(site)

    assert imported == str(ROOT / "debvisor_timers/render/location.py")
    assert templates == str(ROOT / "templates")


def test_all_templates_are_shipped() -> None:
    files = [path for path in (ROOT / "templates").rglob("*") if path.is_file()]
    names = {str(path.relative_to(ROOT / "templates")) for path in files}
    assert names == SHIPPED


RUNTIME = ROOT / "debvisor_timers/runtime"


def named_by_rules(variable: str) -> set[str]:
    """Return the names, without folder and `.py`, of the files that a variable of rules names."""
    show = ["--eval", f"shown: ; @echo $({variable})", "shown"]
    argv = ["make", "--no-print-directory", "-f", "debian/rules", *show]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    return {Path(name).stem for name in done.stdout.split()}


def test_the_runtime_folder_is_modules_and_their_launcher_and_all_are_installed() -> None:
    programs, siblings = named_by_rules("programs"), named_by_rules("siblings")

    assert programs == {"begin", "run", "end", "chain", "carry", "stamps", "task"}
    assert siblings >= {"skip"} | programs
    assert siblings | {"launch"} == {path.stem for path in RUNTIME.glob("*.py")} - {"__init__"}


def test_the_launcher_starts_without_site_packages_and_no_module_is_a_program() -> None:
    """`-I` alone would let a broken site-packages stop all jobs; `-B` leaves no files behind."""
    first = (RUNTIME / "launch.py").read_text(encoding="utf-8").splitlines()[0]
    assert first == "#!/usr/bin/python3 -BISXutf8"
    for name in named_by_rules("siblings"):
        assert not (RUNTIME / f"{name}.py").read_text(encoding="utf-8").startswith("#!"), name


def test_the_launcher_runs_the_module_of_its_name(tmp_path: Path) -> None:
    shutil.copy(RUNTIME / "launch.py", tmp_path / "begin")
    module = "import sys\nif __name__ == '__main__': sys.exit(f'{__file__} {sys.argv[1:]}')\n"
    (tmp_path / "begin.py").write_text(module)

    argv = [sys.executable, "-BISXutf8", str(tmp_path / "begin"), "a b"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/begin.py ['a b']\n")
    assert {path.name for path in tmp_path.iterdir()} == {"begin", "begin.py"}


def test_a_launcher_without_its_module_fails_aloud(tmp_path: Path) -> None:
    shutil.copy(RUNTIME / "launch.py", tmp_path / "begin")

    argv = [sys.executable, "-BISXutf8", str(tmp_path / "begin"), "a"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert f"FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}/begin.py'" in (
        done.stderr
    )


def test_what_programs_load_from_beside_them_is_a_module() -> None:
    loaded = {
        name
        for program in named_by_rules("programs")
        for name in re.findall(r'beside\("(\w+)"\)', (RUNTIME / f"{program}.py").read_text("utf-8"))
    }

    assert loaded
    assert loaded <= named_by_rules("siblings")
