"""From cases and calls to one status a kernel: pass, fail, unsupported or invalid, with the reason."""

from .cases import known

STATUSES = ("pass", "fail", "unsupported", "invalid")
#: What our engine, or this machine, cannot do; the kernel may be right.
_OURS = ("NkiUnsupportedError", "NkiUnknownError", "NkiLimitError", "NotImplementedError")

#: What only the kernel's own text can cause.
_THEIRS = ("NameError", "SyntaxError", "UnboundLocalError", "IndentationError")


def _plural(n, what):
    return "%d %s%s" % (n, what, "" if n == 1 else "s")


class Outcome:
    """What is known about one kernel."""

    def __init__(self, file, kernel, api):
        self.file = file
        self.kernel = kernel
        self.api = api
        self.ms = 0.0
        self.called = False
        self.inlined = False
        #: Cases by id, and the errors that calls of this kernel raised in them.
        self.cases = {}
        self.errors = {}
        self.settled = None

    def settle(self, status, reason):
        self.settled = (status, reason)

    def row(self):
        status, reason = self.settled or self._judge()
        return {
            "file": self.file,
            "kernel": self.kernel,
            "api": self.api,
            "status": status,
            "reason": reason,
            "ms": round(self.ms, 1),
        }

    def _judge(self):
        ran = [c for c in self.cases.values() if c["outcome"] != "skipped"]
        if not self.called and not self.inlined:
            return "unsupported", "nothing in the checkout calls it with arguments"
        failed = [c for c in ran if c["outcome"] in ("failed", "import")]
        stopped = [c for c in ran if c["outcome"] == "timeout"]
        passed = [c for c in ran if c["outcome"] == "passed"]
        for c in failed:
            error = self.errors.get(c["id"])
            if error is None and not self.inlined and c.get("elsewhere"):
                continue
            if error and (error["type"] in _OURS or error["category"] in ("unsupported here", "unknown specification")):
                return "unsupported", error["message"]
            if error and error["category"] == "capacity" and (error.get("rule") or "").endswith("capacity"):
                return "unsupported", "needs the compiler's spilling: " + error["message"]
            reason = (error or {}).get("message") or c["error"] or "a test fails"
            own = known(self.file, self.kernel)
            if own is not None:
                return own[0], own[1] + reason
            if error and error["type"] in _THEIRS:
                return "invalid", "its own code raises %s: %s" % (error["type"], reason)
            return "fail", reason
        if not passed and stopped:
            return "unsupported", "%s, none finished in time (%s)" % (_plural(len(stopped), "case"), stopped[0]["error"])
        notes = []
        if stopped:
            notes.append("%s of %d stopped for time" % (_plural(len(stopped), "case"), len(ran)))
        relaxed = [c for c in passed if c.get("precise") is False]
        if relaxed:
            notes.append("%s with narrow types kept in fp32, as the older simulator does (NKI_PRECISE_FP=0)" % _plural(len(relaxed), "case"))
        if self.inlined and not self.called:
            notes.append("called inside other kernels")
        elif passed and not any(c.get("checked", True) for c in passed):
            notes.append("runs; its driver compares nothing")
        return "pass", "; ".join(notes)


def counts(rows):
    """How many kernels have each status."""
    return {s: sum(r["status"] == s for r in rows) for s in STATUSES}
