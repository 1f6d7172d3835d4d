"""`make run`: prepares the home, then supervises the processes that its settings name until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings.embedded")

STOP_SECONDS = 8
READY_SECONDS = 60
THREADS = 4
_CELERY = ("-m", "celery", "-A", "deploy.celery", "-q")
COMMANDS = {
    "web": (
        *("-m", "granian", "--interface", "wsgi", "--host", "{host}", "--port", "{port}", "--workers", "{web}"),
        *("--blocking-threads", str(THREADS), "--workers-kill-timeout", "4", "--no-ws", "--log-level", "error"),
        *("--respawn-failed-workers", "deploy.wsgi:application"),
    ),
    "worker": ("-m", "deploy.worker"),
    "pump": ("-m", "deploy.pumping"),
    "beat": (*_CELERY, "beat", "-l", "WARNING", "--pidfile="),
    "tasks": (
        *(*_CELERY, "worker", "-l", "WARNING", "-c", "{tasks}"),
        *("-n", "{host}-{port}@%h", "--without-gossip", "--without-mingle"),
    ),
}
"""What Python is started with for each process."""


@dataclass
class Child:
    """A supervised process: started again when it ends by itself, ever more slowly."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    again_at: float = field(default=0.0)

    def start(self) -> None:
        """Start the process."""
        # One heap for all threads: glibc's one for each keeps many times what is in use. A Celery worker that is told
        # to stop gives back what it is at instead of finishing it first.
        environment = {"MALLOC_ARENA_MAX": "1", "REMAP_SIGTERM": "SIGQUIT", **os.environ}
        self.process = subprocess.Popen(self.command, env=environment)
        self.started = time.monotonic()

    def look(self) -> None:
        """Start it again if it ended, after a pause that doubles up to 30 s."""
        if self.process is None:
            if time.monotonic() >= self.again_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        self.failures = 1 if time.monotonic() - self.started > 60 else self.failures + 1
        pause = min(30.0, 0.5 * 2**self.failures)
        print(f"cairn: the {self.name} process ended with {code}; it starts again in {pause:.0f} s", file=sys.stderr)
        self.process, self.again_at = None, time.monotonic() + pause


def is_free(host: str, port: int) -> bool:
    """Return whether nobody listens on a port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class Stopped(BaseException):
    """Somebody asked us to stop."""


def _on_signal(number: int, frame: FrameType | None) -> None:
    raise Stopped


def main() -> int:
    """Run Cairn until SIGINT or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_signal)
    try:
        return _main()
    except Stopped:
        return 0


def _main() -> int:
    from django.conf import settings

    from deploy.home import HomeInUse, lock_home, read_credentials

    home, host, port = settings.CAIRN_HOME, settings.CAIRN_HOST, int(os.environ.get("PORT") or 8000)
    try:
        lock = lock_home(home)
    except HomeInUse as error:
        print(f"cairn: {error}. Stop it first, or give this one another CAIRN_HOME.", file=sys.stderr)
        return 1
    if not is_free(host, port):
        print(f"cairn: port {port} on {host} is in use; give another: PORT=8001 make run", file=sys.stderr)
        return 1
    url = f"http://{'localhost' if host in ('127.0.0.1', '::1') else host}:{port}"
    lock.write(f"process {os.getpid()}, {url}")
    lock.flush()
    # In a process of its own: building the demo loads libraries that the supervisor would keep for its whole life.
    prepared = subprocess.run([sys.executable, "-c", f"from deploy.run import prepare; prepare({url!r})"], check=False)
    if prepared.returncode:
        print("cairn: the home could not be brought up to date; what was printed above says why", file=sys.stderr)
        return 1
    credentials = read_credentials(home)
    filled = {"host": host, "port": port, "web": settings.WEB_WORKERS, "tasks": settings.TASK_WORKERS}
    names: Sequence[str] = settings.PROCESSES
    children = [Child(name, [sys.executable, *(part.format(**filled) for part in COMMANDS[name])]) for name in names]
    try:
        for child in children:
            child.start()
        announce(url, credentials, children)
        while True:
            for child in children:
                child.look()
            time.sleep(0.5)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        stop(children)
        lock.close()


def prepare(url: str) -> None:
    """Bring the home up to date: migrations, static files, operator, demo."""
    import django
    from django.conf import settings

    django.setup()
    from django.core.management import call_command

    from deploy.bootstrap import ensure_operator

    logging.getLogger("django.db.backends").setLevel(logging.WARNING)
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    ensure_operator(settings.CAIRN_HOME, url, os.environ.get("CAIRN_TOKEN"))
    if settings.CAIRN_DEMO:
        from deploy.demo.load import load_demo

        began = time.monotonic()
        if load_demo(settings.CAIRN_HOME):
            print(f"cairn: built the demo in {time.monotonic() - began:.1f} s", flush=True)


def announce(url: str, credentials: dict[str, str], children: list[Child]) -> None:
    """Wait until the web answers, then say where it is and how to get in."""
    from django.conf import settings

    asked = urllib.request.Request(f"{url}/readyz", headers={"Host": settings.ALLOWED_HOSTS[0]})  # noqa: S310  our own
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        for child in children:
            child.look()
        try:
            with urllib.request.urlopen(asked, timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    break
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    else:
        print("cairn: the web process does not answer yet; what it printed above says why", file=sys.stderr)
    print(
        f"\n  Cairn is at   {url}\n"
        f"  sign in as    {credentials.get('user', '?')} / {credentials.get('password', '(as you set it)')}\n"
        f"  API token     {credentials.get('token', f'(none is kept; make one at {url}/tokens)')}\n"
        f"  data folder   {settings.CAIRN_HOME}  (these lines are kept in its file 'credentials')\n"
        f"  command line  .venv/bin/cairn search customer\n"
        f"  stop          Ctrl-C\n",
        flush=True,
    )
    if settings.CAIRN_OPEN:
        print("  CAIRN_OPEN=1: nobody has to sign in, everybody on this machine is the operator\n", flush=True)


def stop(children: list[Child]) -> None:
    """End all children, politely and then not."""
    alive = [child.process for child in children if child.process is not None and child.process.poll() is None]
    for process in alive:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in alive:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
