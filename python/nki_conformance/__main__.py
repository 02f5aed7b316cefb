"""
``python -m nki_conformance DIR``: finds the kernels of a checkout, runs their tests and scripts each in a process of its own, and writes
``{commit, kernels, counts}`` as JSON to standard output; progress goes to standard error.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

from .cases import case_of
from .discover import drivers, files_in
from .verdict import Outcome, counts


def commit_of(folder):
    """The commit checked out, or None where git does not know."""
    done = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


class Run:
    """One run over a checkout."""

    def __init__(self, folder, options):
        self.folder = os.path.realpath(folder)
        self.options = options
        self.files = files_in(self.folder, options.only)
        self.outcomes = {}
        self.extra = []
        for f in self.files:
            for kernel in f.kernels:
                self.outcomes[os.path.realpath(f.path), kernel] = Outcome(f.relative, kernel, f.api or "neuronxcc.nki")
            if f.error and f.api:
                made = Outcome(f.relative, "(file)", f.api)
                made.settle("invalid", "is no Python: " + f.error)
                self.extra.append(made)

    def job(self, file, kind, **more):
        here = os.path.dirname(file.path)
        roots = [here, self.folder, os.path.join(self.folder, "src")]
        return {
            "file": file.path,
            "id": more.pop("id", file.relative),
            "kind": kind,
            "root": self.folder,
            "path": [p for p in roots if os.path.isdir(p)],
            "timeout": self.options.timeout,
            "target": os.environ.get("NEURON_PLATFORM_TARGET_OVERRIDE") or "trn2",
            **more,
        }

    def drive(self, job, precise=True):
        """Runs one driver in a child and returns its report."""
        with tempfile.TemporaryDirectory() as work:
            job = {**job, "out": os.path.join(work, "out.json")}
            with open(os.path.join(work, "job.json"), "w") as f:
                json.dump(job, f)
            package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])]),
                "PYTHONDONTWRITEBYTECODE": "1",
                "NKI_SIMULATOR": "1",
                "NKI_PRECISE_FP": "1" if precise else "0",
            }
            limit = self.options.file_timeout
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "nki_conformance.drive", os.path.join(work, "job.json")],
                    cwd=work,
                    env=environment,
                    stdout=None if self.options.verbose else subprocess.PIPE,
                    stderr=subprocess.STDOUT if not self.options.verbose else None,
                    timeout=limit,
                )
                said = (done.stdout or b"").decode("utf-8", "replace")[-400:]
            except subprocess.TimeoutExpired:
                said = "the file took longer than %g s" % limit
                done = None
            try:
                with open(job["out"]) as f:
                    report = json.load(f)
            except (OSError, ValueError):
                report = {"cases": [], "events": []}
            if done is None or not report["cases"]:
                report["cases"].append({"id": job["id"], "outcome": "timeout", "error": " ".join(said.split())[-300:]})
            return report

    def take(self, file, report):
        """Files what a driver's report says under the kernels it called."""
        by_case = {c["id"]: c for c in report["cases"]}
        blamed = {e["case"] for e in report["events"] if e["error"]}
        for event in report["events"]:
            outcome = self.outcomes.get((event["file"], event["kernel"]))
            if outcome is None:
                continue
            outcome.called = outcome.called or not event["inlined"]
            outcome.inlined = outcome.inlined or event["inlined"]
            outcome.ms += event["ms"]
            case = by_case.get(event["case"])
            if case is not None:
                outcome.cases[file.relative + case["id"]] = {**case, "elsewhere": event["case"] in blamed and not event["error"]}
            if event["error"]:
                outcome.errors[event["case"]] = event["error"]
        for case in report["cases"]:
            if case["outcome"] == "import":
                self.import_failed(file, case)

    def import_failed(self, file, case):
        """A driver that cannot be imported: its kernels, or the names it wanted, are rows of their own."""
        error = case["error"] or ""
        missing = error.split("No module named ")[-1].strip("'\" ").split("'")[0] if "No module named" in error else ""
        own = missing and (missing.split(".")[0] in ("nki_samples",) or os.path.exists(os.path.join(self.folder, missing.split(".")[0])))
        status = "invalid" if own else "unsupported"
        reason = "its test imports %s, which this commit does not have" % missing if own else "its driver needs %s" % (missing or error)
        mine = [o for (path, _), o in self.outcomes.items() if path == os.path.realpath(file.path)]
        for outcome in mine:
            if not outcome.called:
                outcome.settle(status, reason)
        if not mine:
            wanted = [v.rsplit(".", 1) for v in file.imports.values() if missing and v.startswith(missing + ".")]
            for name in [w[1] for w in wanted if w[1][0].islower()] or ["(tests)"]:
                made = Outcome(file.relative, name, file.api or "neuronxcc.nki")
                made.settle(status, reason)
                self.extra.append(made)

    def one(self, file, job):
        report = self.drive(job)
        failed = {c["id"] for c in report["cases"] if c["outcome"] == "failed"}
        raised = {e["case"] for e in report["events"] if e["error"]}
        # An assertion that fails although the kernel ran: once more with narrow types kept wide, as the older simulator kept them.
        if file.api == "neuronxcc.nki" and failed - raised:
            again = {c["id"]: c for c in self.drive(job, precise=False)["cases"]}
            for case in report["cases"]:
                other = again.get(case["id"])
                if case["id"] in failed - raised and other and other["outcome"] == "passed":
                    case.update(outcome="passed", error=None, precise=False)
        self.take(file, report)
        return report

    def run(self):
        todo = list(drivers(self.files))
        for n, file in enumerate(todo):
            say("%d/%d %s" % (n + 1, len(todo), file.relative))
            if file.is_test:
                self.one(file, self.job(file, "test"))
            if file.is_script:
                self.one(file, self.job(file, "script"))
        for (path, kernel), outcome in self.outcomes.items():
            code = case_of(outcome.file, kernel)
            if code is not None and not outcome.called and outcome.settled is None:
                file = next(f for f in self.files if os.path.realpath(f.path) == path)
                say("%s: %s by a driver of ours" % (outcome.file, kernel))
                report = self.one(file, self.job(file, "script", id="driver of " + kernel, code=code))
                if not outcome.called:
                    outcome.settle("fail", "our driver did not reach it: %s" % report["cases"][0]["error"])
        rows = [o.row() for o in [*self.outcomes.values(), *self.extra]]
        rows.sort(key=lambda r: (r["file"], r["kernel"]))
        return {"commit": self.options.commit or commit_of(self.folder), "kernels": rows, "counts": counts(rows)}


def say(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main(argv):
    parser = argparse.ArgumentParser(prog="nki_conformance")
    parser.add_argument("folder")
    parser.add_argument("--commit")
    parser.add_argument("--only", help="files whose path contains this")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a test or script may take")
    parser.add_argument("--file-timeout", type=float, default=1800, help="seconds a file may take")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(argv)
    if not os.path.isdir(options.folder):
        sys.stderr.write("%s is no folder\n" % options.folder)
        return 2
    json.dump(Run(options.folder, options).run(), sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
