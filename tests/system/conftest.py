"""What the system tests share: golden disks, machines, and what a failure shows."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import machine as machines
from disk import Disk, Golden
from lan import Lan
from installing import loop, releases  # noqa: F401: fixtures
from ssh import make_key

ROOT = machines.ROOT
WORK = pathlib.Path(os.environ.get("PROA_SYSTEM_DIR", ROOT / "build/system"))
RESTARTED = "machine started once more"


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run everything there is")
    parser.addoption("--result", help="file for the counts, as scripts/check reads them")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: only with --full")
    config.addinivalue_line("markers", "xdist_group: what one worker runs, as it shares something")
    if not hasattr(config, "workerinput"):
        shutil.rmtree(WORK / "run", ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Without --full, tests marked `full` are left out, not counted as skipped."""
    for item in items:
        # One worker boots the one machine, one makes releases and loop devices, and one a settled disk.
        for shared in ("booted", "releases", "settled"):
            if shared in item.fixturenames:
                item.add_marker(pytest.mark.xdist_group(shared))
    if config.getoption("--full"):
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def full(pytestconfig):
    """Whether everything is to be run, at whatever length."""
    return pytestconfig.getoption("--full")


@pytest.fixture(scope="session")
def work():
    """A worker's folder, emptied when the next run starts: a failure's files stay until then."""
    folder = WORK / "run" / os.environ.get("PYTEST_XDIST_WORKER", "")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def golden(work):
    """Installed disks, each kind made once in a run: golden(size="8G", sector=512, …)."""
    return Golden(work / "golden")


@pytest.fixture(scope="session")
def key(work):
    """A key for SSH: the path of its private half."""
    return make_key(work / "key")


@pytest.fixture
def lan(folder):
    """A network of its own: machine(disk, netns=lan.name) is on it."""
    made = Lan(folder)
    yield made
    made.stop()


@pytest.fixture
def folder(work, request):
    """A test's own folder."""
    path = work / request.node.name.replace("/", "_")
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture
def disk(golden, folder):
    """Makes a test's own copy of a golden disk: disk(size=…, sector=…) → Disk."""
    made = []

    def make(**kind):
        made.append(golden.get(**kind).overlay(folder / f"disk{len(made)}.qcow2"))
        return made[-1]
    return make


@pytest.fixture
def machine(folder, request):
    """Makes machines that end with the test: machine(disk, uefi=True, …) is switched on."""
    made = []
    request.node.machines = made

    def make(*disks, name="machine", start=True, **options):
        options.setdefault("sector", disks[0].sector if isinstance(disks[0], Disk) else 512)
        paths = [disk.path if isinstance(disk, Disk) else disk for disk in disks]
        label = name if not made else f"{name}{len(made) + 1}"
        made.append(machines.Machine(label, paths, folder, **options))
        if start:
            made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()
    failed = getattr(request.node, "failed", False)
    if not failed and not os.environ.get("PROA_KEEP"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def running_machine(golden, work):
    """One machine, booted once to the passed gate, for all tests of a booted system."""
    folder = work / "booted"
    folder.mkdir()
    disk = golden.get().overlay(folder / "disk.qcow2")
    one = machines.Machine("booted", [disk.path], folder)
    one.start()
    try:
        one.wait_boot("health gate passed")
        one.wait_shell()
        one.check(machines.LOAD_IMAGE, 300)
        # A container that every one of these tests finds running.
        one.check(f"docker run -d --name survivor --restart always {machines.USER_IMAGE} sleep 99999")
        one.save("up")
        yield one
    finally:
        one.stop()


@pytest.fixture
def booted(running_machine, request):
    """That machine, back at the moment when it had just come up."""
    request.node.machines = [running_machine]
    if running_machine.process is None:
        running_machine.start()
    running_machine.load("up")
    running_machine.wait_shell()
    return running_machine


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the machines' consoles said last, and how to look by hand."""
    if call.when == "teardown":
        # The summary is another process's.
        item.user_properties += [(RESTARTED, f"{name}: {why}") for name, why in machines.restarts]
        machines.restarts.clear()
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    item.failed = True
    for one in getattr(item, "machines", []):
        report.sections.append((f"console of {one.name} (all of it: {one.log_path})", one.tail()))
        report.sections.append((f"machine {one.name} by hand", one.by_hand()))
    path = pathlib.Path(item.location[0]).name
    suite_name = path.removeprefix("test_").removesuffix(".py")
    report.sections.append(("this test by hand", f"scripts/check system {suite_name}"))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    reports = [report for kind in terminalreporter.stats.values() for report in kind
               if getattr(report, "when", None) == "teardown"]
    restarts = [f"{report.nodeid}: {text}" for report in reports
                for what, text in report.user_properties if what == RESTARTED]
    for text in restarts:
        terminalreporter.write_line(f"started once more: {text}")
    terminalreporter.write_line(f"machines started once more: {len(restarts)}")
    result = config.getoption("--result")
    if not result:
        return
    stats = terminalreporter.stats
    passed = len(stats.get("passed", []))
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    pathlib.Path(result).write_text(f"passed {passed}\nfailed {failed}\n")
