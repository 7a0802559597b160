"""What scripts/torture lets programs meet: a disk that is full or read-only, the end of their memory, a clock that jumps."""
import os
import random
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

# The strains, and what a program says that one of them ended.
SAID = {"disk full": "No space left", "disk read-only": "Read-only file system", "memory": "out of memory|allocate memory|free some memory|refuses another thread|cannot start .* worker threads", "clock": ""}
# Where memory ends, C code of a library that does not ask for an answer, or a stack that cannot grow, ends a program by
# these signals, and it cannot say anything; what it leaves behind is judged all the same.
BY_LIBRARIES = {"memory": (signal.SIGABRT, signal.SIGSEGV)}
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def left_out() -> dict[str, str]:
    """Returns the strains that this machine cannot make, and why."""
    disk = {"disk full": "needs root", "disk read-only": "needs root"} if os.geteuid() else {}
    return disk | ({} if FAKETIME.exists() else {"clock": "needs faketime"})


def around(strain: str, folder: Path) -> dict[str, str]:
    """Returns the environment in which a program can meet a strain."""
    if strain != "clock":
        return {}
    (folder / "clock").write_text("+0")
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def begin(strain: str, child: subprocess.Popen, cwd: Path, folder: Path, seconds: float, draw: random.Random) -> None:
    """Lets a program that works in `cwd` meet a strain."""
    if strain == "clock":
        for _ in range(3):
            (folder / "clock").write_text(f"{draw.randint(-10**8, 3 * 10**8):+d}")
            time.sleep(draw.uniform(0.0, seconds / 3))
    elif strain == "memory":
        for pid in prepared(child):
            bound(pid, draw.randrange(1 << 24))
    elif strain == "disk full":
        fill(cwd / "ballast")
    else:
        remount(cwd, child)


def end(strain: str, cwd: Path) -> None:
    """Ends a strain."""
    if strain == "disk full":
        (cwd / "ballast").unlink()
    elif strain == "disk read-only":
        subprocess.run(["mount", "-o", "remount,rw", str(cwd)], check=True)


def prepared(child: subprocess.Popen) -> list[int]:
    """Waits until a program can deal with what comes: it catches SIGTERM. Before, the system's loader or the
    constructors of libraries may end it. Returns it and the programs that it started, if they can too."""
    while child.poll() is None:
        ready = [pid for pid in [child.pid, *children_of(child.pid)] if catches(pid, signal.SIGTERM)]
        if ready:
            return ready
        time.sleep(0.01)
    return []


def catches(pid: int, number: int) -> bool:
    try:
        mask = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return False
    return bool(mask) and bool(int(mask[1], 16) >> (number - 1) & 1)


def bound(pid: int, more: int) -> None:
    """Lets a process have hardly more address space than it has."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        most = pages * os.sysconf("SC_PAGE_SIZE") + more
        resource.prlimit(pid, resource.RLIMIT_AS, (most, most))
    except (OSError, IndexError):
        pass  # it has ended


def children_of(pid: int) -> list[int]:
    """Returns the processes that a process started, and theirs."""
    try:
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [one for child in started for one in (int(child), *children_of(int(child)))]


def fill(path: Path) -> None:
    """Fills a disk to its last byte."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                pass


def remount(cwd: Path, child: subprocess.Popen) -> None:
    """Makes a disk read-only as soon as no file is open for writing, while a program runs."""
    while child.poll() is None:
        if subprocess.run(["mount", "-o", "remount,ro", str(cwd)], stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.001)
