"""Compares Picard's embedding with ONNX Runtime's on the same weights, one thread each, in turns.

usage: compare.py [--rounds 15] [--lengths] [--json]

    python3 -m venv /tmp/compare && /tmp/compare/bin/pip install -r scripts/model/requirements.txt
    cargo build --release -p picard-embed --example timed
    /tmp/compare/bin/python scripts/embedding/compare.py

ONNX Runtime loads models/multilingual-e5-small/encoder.onnx and is given the ids of the tokens, which
tests/fixtures/tokens.json of crates/embed has; it looks up their rows and runs the graph. Picard is given
the text: its time includes the tokenizer. Each round times both on the same texts, one after the other, on
the same core. Time is what each spent on the core (Linux counts it), so that others who use the machine
matter less. What is printed is the median over the rounds, and of the ratios within the rounds.

--lengths times one text of each of several lengths instead. It says what several texts in one pass could
gain at best: a pass over k texts of n tokens does all that a pass over one text of k * n tokens does, and
has to keep the texts apart besides.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/multilingual-e5-small"
BEGIN, END = 0, 2


class Table:
    """The token table: two files of Q4_0 blocks (scripts/model/build.py)."""

    def __init__(self):
        rows, columns = np.frombuffer((MODEL / "tokens.q4").read_bytes()[8:16], "<u4")
        self.nibbles = np.memmap(MODEL / "tokens.q4", "u1", "r", 16, (rows, columns // 32, 16))
        self.scales = np.memmap(MODEL / "tokens.scale", "<f2", "r", 16, (rows, columns // 32, 1))

    def rows(self, ids):
        nibbles, scales = self.nibbles[ids], self.scales[ids].astype("f4")
        weights = np.concatenate([nibbles & 15, nibbles >> 4], 2).astype("f4") - 8
        return (weights * scales).reshape(len(ids), -1)


class OnnxRuntime:
    def __init__(self, encoder):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(encoder), options, providers=["CPUExecutionProvider"])
        self.table = Table()

    def vector(self, ids):
        hidden = self.session.run(None, {"tokens": self.table.rows([BEGIN, *ids, END])})[0]
        return hidden / np.linalg.norm(hidden)

    def time(self, ids, times):
        began = time.process_time()
        for _ in range(times):
            vector = self.vector(ids)
        return time.process_time() - began, vector


class Picard:
    def __init__(self, program):
        self.process = subprocess.Popen([program, MODEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def on_core(self):
        """Seconds that all threads of the program had a core."""
        threads = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def time(self, text, times):
        began = self.on_core()
        kind, _, words = text.partition(": ")
        self.process.stdin.write(f"{kind}\t{times}\t{words}\n")
        self.process.stdin.flush()
        _, vector = self.process.stdout.readline().split("\t")
        return self.on_core() - began, np.array(vector.split(), "f4")


def workloads():
    """Names and lists of (text, ids). A longer memory is some short ones in a row."""
    known = [(text, ids) for text, ids in json.loads(
        (ROOT / "crates/embed/tests/fixtures/tokens.json").read_text()) if text.startswith(("query: ", "passage: "))]
    prefix = known[0][1][:2]
    passages = [case for case in known if case[0].startswith("passage") and case[1][:2] == prefix]

    def joined(least):
        text, ids = "passage:", list(prefix)
        for other, more in passages:
            text, ids = text + " " + other.removeprefix("passage: "), ids + more[2:]
            if len(ids) + 2 >= least:
                return text, ids

    twelve = [case for case in known if case[0].startswith("query") and len(case[1]) == 10][:8]
    yield "questions of 12 tokens", twelve, 20
    yield "memories of 12 to 35 tokens", passages[:40:2], 3
    yield "a memory of 60 tokens", [joined(58)], 30
    yield "a memory of 200 tokens", [joined(190)], 8
    yield "mixed: 12 to 200 tokens", [*passages[1:40:4], joined(58), joined(100), joined(190)], 2


def lengths():
    prefix, word = [46692, 12], 1000
    for count in (8, 12, 16, 24, 32, 48, 64, 96, 128, 192):
        # Common words of one token; what they are makes no difference to how long it takes.
        text = " ".join(("the cat sat on a mat and the dog ran to it in the sun as we had tea at ten ".split()
                         * 20)[: count - 4])
        yield f"{count} tokens", [("passage: " + text, prefix + [word] * (count - 4))], max(2, 240 // count)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--lengths", action="store_true")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--program", default=ROOT / "target/release/examples/timed")
    arguments.add_argument("--encoder", default=MODEL / "encoder.onnx")
    given = arguments.parse_args()
    # The child inherits it: both on the same core, in turns.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    other, ours = OnnxRuntime(given.encoder), Picard(given.program)
    found = []
    for name, texts, times in lengths() if given.lengths else workloads():
        seconds, least = [], 1.0
        for _ in range(given.rounds):
            pair = [0.0, 0.0]
            for text, ids in texts:
                (a, u), (b, v) = ours.time(text, times), other.time(ids, times)
                pair = [pair[0] + a, pair[1] + b]
                least = min(least, 1.0 if given.lengths else float(u @ v))
            seconds.append(pair)
        count = len(texts) * times
        tokens = sum(len(ids) + 2 for _, ids in texts) / len(texts)
        a, b = (statistics.median(column) / count * 1000 for column in zip(*seconds))
        found.append({"texts": name, "tokens": round(tokens, 1), "picard_ms": a, "onnx_runtime_ms": b,
                      "ratio": statistics.median(x / y for x, y in seconds), "least_cosine": least})
        if not given.json:
            print(f"{name:28} {tokens:6.1f} tokens   Picard {a:6.2f} ms {1000 / a:6.1f}/s {1000 * a / tokens:5.0f} us/token"
                  f"   ONNX Runtime {b:6.2f} ms {1000 / b:6.1f}/s {1000 * b / tokens:5.0f} us/token"
                  f"   ratio {found[-1]['ratio']:.2f}" + ("" if given.lengths else f"   cosine > {least:.4f}"), flush=True)
    if given.json:
        json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
