"""The small process above one command: starts it, reaps what it leaves, outlives its runner.

Run as a script, never imported: ``python -I -S supervisor.py STATUS_FD CONTROL_FD``. Its standard
streams are the command's. It reads from the control pipe how to start the command (see
``launch.Order.encode``) and says on the status pipe, one line each:

    started PID ADOPTS     ADOPTS is 1 where orphans come to us (Linux), else 0
    error STAGE ERRNO      STAGE is "directory" or "command"; then it ends
    exit CODE | signal N   how the command ended; what it left behind may still live
    gone                   the last child has ended; then so do we

When the control pipe closes, its runner is dead, even by SIGKILL, and it ends everything below it.
It is on its own: what it needs is here, so that it works whatever happens to the installation.
"""

# pathlib and contextlib would take longer to import than all the rest.
# ruff: noqa: PTH110, PTH123, SIM105

import _signal  # type: ignore[import-not-found]  # signal builds enums: a third of our start
import ctypes
import os
import select
import sys
import time

GRACE_S = 2.0
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
DEAF_TO = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM)


class Supervisor:
    """Waits for children and for the runner's death, whichever comes."""

    def __init__(self, status: int, control: int) -> None:
        self.status, self.control = status, control
        self.bell, ring = os.pipe()
        for end in (self.bell, ring):
            os.set_blocking(end, False)
        _signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda *_: None)
        for number in DEAF_TO:
            _signal.signal(number, _signal.SIG_IGN)
        self.leader = 0

    def run(self) -> None:
        directory, shell, command, *environment = read_order(self.control)
        adopts = become_subreaper()
        if not self.start(directory, [shell, b"-c", command], environment):
            return
        self.tell(f"started {self.leader} {adopts}")
        while self.reap():
            if self.control in self.wait() and not os.read(self.control, 1024):
                self.end_all()
                return
        self.tell("gone")

    def start(self, directory: bytes, argv: list[bytes], environment: list[bytes]) -> bool:
        entries = (entry.partition(b"=") for entry in environment)
        all_signals = _signal.valid_signals() - {_signal.SIGKILL, _signal.SIGSTOP}
        stage = "directory"
        try:
            os.chdir(directory)
            stage = "command"
            self.leader = os.posix_spawn(
                argv[0],
                argv,
                {name: value for name, _, value in entries},
                setsid=True,
                setsigmask=[],
                setsigdef=all_signals,
            )
        except OSError as error:
            self.tell(f"error {stage} {error.errno}")
            return False
        os.chdir("/")  # not to hold on to a workspace or a mount
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # or the pipes would never end
            os.dup2(nowhere, stream)
        return True

    def reap(self) -> bool:
        """Collect the dead; false once there are no children at all."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.leader:
                    code = os.waitstatus_to_exitcode(status)
                    self.tell(f"exit {code}" if code >= 0 else f"signal {-code}")
        except ChildProcessError:
            return False

    def end_all(self) -> None:
        """Terminate, wait a little, kill until nobody is left."""
        # Stopped first, so that nobody forks away or goes on to a next step meanwhile.
        for number in (_signal.SIGSTOP, _signal.SIGSTOP, _signal.SIGTERM, _signal.SIGCONT):
            send_below(number)
        deadline = time.monotonic() + GRACE_S
        while self.reap() and (left := deadline - time.monotonic()) > 0:
            self.wait(left)
        pause = 0.01
        while self.reap():
            send_below(_signal.SIGKILL)
            self.wait(pause)
            pause = min(1.0, pause * 1.5)  # in an uninterruptible wait, or another user's

    def wait(self, patience_s: float | None = None) -> list[int]:
        """Wait for a child's end or the control pipe; which of them it was."""
        watched = select.poll()  # select knows no descriptor above 1023
        watched.register(self.bell, select.POLLIN)
        if patience_s is None:
            watched.register(self.control, select.POLLIN)
        milliseconds = None if patience_s is None else patience_s * 1000 + 1
        ready = [fd for fd, _ in watched.poll(milliseconds)]
        if self.bell in ready:
            os.read(self.bell, 4096)
        return ready

    def tell(self, line: str) -> None:
        try:
            os.write(self.status, line.encode() + b"\n")
        except OSError:  # the runner is dead; the control pipe says so too
            pass


def read_order(control: int) -> list[bytes]:
    """Directory, shell, command, and the environment's entries, as the runner ordered."""
    return read_exactly(control, int(read_exactly(control, 10))).split(b"\0")


def read_exactly(fd: int, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = os.read(fd, length - len(data))
        if not more:
            os._exit(1)  # the runner died before it said anything
        data += more
    return data


def become_subreaper() -> int:
    if not sys.platform.startswith("linux"):
        return 0
    prctl = ctypes.CDLL(None).prctl
    # Should the command have stopped us, the runner's death still wakes us.
    prctl(PR_SET_PDEATHSIG, _signal.SIGCONT, 0, 0, 0)
    return int(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def send_below(number: int) -> None:
    """Signal all descendants, parents first."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents():
        children.setdefault(parent, []).append(pid)
    queue = [os.getpid()]
    for one in queue:
        for pid in children.get(one, ()):
            queue.append(pid)
            try:
                os.kill(pid, number)
            except OSError:
                pass


def parents() -> list[tuple[int, int]]:
    if not os.path.exists("/proc/self/stat"):
        with os.popen("ps -A -o pid=,ppid=") as lines:
            return [(int(pid), int(parent)) for pid, parent in map(str.split, lines)]
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                found.append((int(name), int(stat.read().rpartition(b")")[2].split()[1])))
        except OSError:
            pass
    return found


if __name__ == "__main__":
    descriptors = [int(argument) for argument in sys.argv[1:]]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # not for the command
    Supervisor(*descriptors).run()
    os._exit(0)  # nothing to tidy up, and the runner waits
