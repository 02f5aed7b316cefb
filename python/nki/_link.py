"""
The wire to the engine: frames of ``[kind, length]`` (two little-endian 32-bit words) and a payload. Kind 1 is a batch of records,
2 a JSON message, 3 raw bytes. packages/nki/src/hosts/frames.ts is the other end.
"""
import json
import os
import select
import struct

RECORDS, MESSAGE, BYTES = 1, 2, 3
_header = struct.Struct("<II")


class Closed(Exception):
    """The engine went away."""


class PipeLink:
    """Frames over a pair of file descriptors."""

    def __init__(self, read, write):
        self.input = read
        self.output = write
        self.trace = 0
        self._report = None

    def _send(self, kind, payload):
        payload = memoryview(payload).cast("B")
        try:
            self._write(memoryview(_header.pack(kind, len(payload))))
            self._write(payload)
        except (BrokenPipeError, ConnectionResetError):
            # The engine refuses a kernel by reporting and, when it is a parent, by leaving: its last words may still wait.
            report = self.poll()
            if report is None:
                raise Closed() from None
            self._report = report

    def _write(self, view):
        while len(view):
            view = view[os.write(self.output, view[: 1 << 20]) :]

    def records(self, batch):
        """Sends a batch of words (array of 32-bit integers)."""
        self._send(RECORDS, batch)

    def message(self, value):
        """Sends a JSON message."""
        self._send(MESSAGE, json.dumps(value).encode())

    def bytes(self, data):
        """Sends raw bytes, as they follow a message that announces them."""
        self._send(BYTES, data)

    def poll(self):
        """A report that has arrived, or None; never waits."""
        while self._report is None and select.select([self.input], [], [], 0)[0]:
            self._report = self._current(self.receive())
        return self._report

    def _current(self, report):
        """The report, unless it is about a kernel whose tracing broke off earlier."""
        return None if report.get("trace", self.trace) != self.trace else report

    def begin(self, value):
        """Opens the trace of a kernel."""
        self.forget()
        self.message({**value, "trace": self.trace})

    def forget(self):
        """What is still on its way about earlier kernels no longer counts."""
        self.trace += 1
        self._report = None

    def receive(self):
        """Waits for the next message or bytes."""
        kind, length = _header.unpack(self._read(_header.size))
        payload = self._read(length)
        return json.loads(bytes(payload)) if kind == MESSAGE else payload

    def wait(self):
        """The answer to everything sent: a report if one arrived before."""
        while self._report is None:
            self._report = self._current(self.receive())
        report, self._report = self._report, None
        return report

    def _read(self, length):
        data = bytearray(length)
        view = memoryview(data)
        at = 0
        while at < length:
            piece = os.read(self.input, min(length - at, 1 << 20))
            if not piece:
                raise Closed()
            view[at : at + len(piece)] = piece
            at += len(piece)
        return data

    def close(self):
        for fd in {self.input, self.output}:
            try:
                os.close(fd)
            except OSError:
                pass


class JsLink:
    """The same wire inside Pyodide, where the engine is another thread (packages/nki/src/hosts/pyodide-worker.mjs)."""

    def __init__(self, js):
        self.js = js
        self._report = None

    def begin(self, value):
        self.message(value)

    def records(self, batch):
        self.js.records(batch)

    def message(self, value):
        self.js.message(json.dumps(value))

    def poll(self):
        """A report that has arrived, or None; never waits."""
        if self._report is None and self.js.pending():
            self._report = json.loads(self.js.take())
        return self._report

    def wait(self):
        """The answer to everything sent: a report if one arrived before."""
        if self._report is not None:
            report, self._report = self._report, None
            return report
        return json.loads(self.js.take())
