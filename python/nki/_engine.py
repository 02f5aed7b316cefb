"""The engine process: found, started on first use, kept for the life of this process, ended when a run is interrupted."""
import atexit
import os
import shutil
import subprocess

from ._errors import NkiInputError, error_of, located
from ._link import Closed, PipeLink

_engine = None


def command():
    """
    The engine's command: ``OPENTRN_ENGINE`` (a JavaScript file or a program), the bundled file, or ``trn`` on the PATH. Raises with
    what was looked for.
    """
    node = os.environ.get("OPENTRN_NODE") or shutil.which("node")
    asked = os.environ.get("OPENTRN_ENGINE")
    bundled = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_engine", "engine.mjs")
    if asked:
        if not os.path.exists(asked):
            raise NkiInputError("OPENTRN_ENGINE is %s, which does not exist" % asked, "engine")
        if not asked.endswith((".mjs", ".js", ".cjs")):
            return [asked]
        bundled = asked
    if os.path.exists(bundled):
        if node is None:
            raise NkiInputError("the engine needs Node.js 20 or newer, and there is no node on the PATH; install it or set OPENTRN_NODE", "engine")
        return [node, bundled]
    trn = shutil.which("trn")
    if trn:
        return [trn, "engine"]
    raise NkiInputError(
        "the engine is not there: neither %s (npm run build makes it), nor OPENTRN_ENGINE, nor trn on the PATH" % bundled, "engine"
    )


class Engine:
    """A running engine and the wire to it."""

    def __init__(self):
        self.owner = os.getpid()
        self.process = subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.link = PipeLink(self.process.stdout.fileno(), self.process.stdin.fileno())
        #: Programs that the engine keeps, by what was traced.
        self.programs = {}

    def alive(self):
        """Whether this process started it and it still runs."""
        return self.owner == os.getpid() and self.process.poll() is None

    def request(self, message, inputs=()):
        """Sends a request with its bytes and returns the answer; a refusal is raised."""
        self.link.forget()
        self.link.message(message)
        for data in inputs:
            self.link.bytes(data)
        answer = self.link.wait()
        if answer.get("type") == "error":
            raise located(error_of(answer), answer.get("file"), answer.get("line"), answer.get("function"))
        return answer

    def stop(self):
        """Ends the process."""
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                pipe.close()


def engine():
    """The engine of this process, started if need be (again after a fork or a crash)."""
    global _engine
    if _engine is None or not _engine.alive():
        drop()
        _engine = Engine()
    return _engine


def drop():
    """Ends the engine; the next call starts another. Used when a request was broken off in the middle."""
    global _engine
    if _engine is not None:
        _engine.stop()
    _engine = None


def died():
    """The error for an engine that went away."""
    code = _engine.process.poll() if _engine else None
    drop()
    return error_of({"category": "internal", "message": "the engine ended unexpectedly (exit code %s); its messages are above" % code})


atexit.register(drop)
__all__ = ["Closed", "command", "died", "drop", "engine"]
