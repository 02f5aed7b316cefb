"""Jobs inside Pyodide: one after another in the same interpreter, each as if it were the first (pyodide-worker.mjs)."""
import json
import linecache
import os
import sys

from ._host import run_job
from ._link import JsLink


def run(js, text):
    """Traces the job ``{job, environment, folder}``; what its files imported and changed is undone afterwards."""
    request = json.loads(text)
    modules, path, finders = set(sys.modules), list(sys.path), list(sys.meta_path)
    environment = dict(os.environ)
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    try:
        run_job(JsLink(js), request["job"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for name in set(sys.modules) - modules:
            del sys.modules[name]
        sys.path[:], sys.meta_path[:] = path, finders
        os.environ.clear()
        os.environ.update(environment)
        linecache.clearcache()
