"""Makes what crates/embed is tested against, from the decoded f32 weights in ONNX Runtime.

usage: reference.py FIXTURES WEIGHTS [--source e5.c]

reads  FIXTURES/texts.json
writes FIXTURES/reference.f16: one L2-normalised vector of 384 f16 per text, in the order of texts.json
       FIXTURES/tokens.json: the ids of each of these texts and of some awkward ones
With --source, the C tokenizer of the package is compiled and must agree on all texts of texts.json.
"""
import argparse
import ctypes
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import onnxruntime

import encoder
from e5_package import Package
from tokenizer import Tokenizer

AWKWARD = [
    "", " ", "\n\t ", "a", "  two  spaces ", "Café naïve", "Cafe\u0301 nai\u0308ve", "ﬁne Ⅷ ½ ２０２１ ｶﾞｷﾞ", "한국어 문장입니다.",
    "한국어", "ไม่มีช่องว่างระหว่างคำ", "नमस्ते दुनिया", "👩‍👩‍👧 family 🎉", "</s> <s> <mask> <unk> <pad>",
    "zero\u200bwidth\u200djoiner", "nul\x00inside", "tab\tnewline\nreturn\rend", "𐎀𐎁𐎂 𐎀", "x" * 70, "https://example.org/a?b=c#d",
    "snake_case camelCase 0xDEADBEEF", "▁ underline ▁▁ pieces", "İstanbul ẞ ß", "שלום עולם", "\ufeffbom \ufffd replacement",
]


def fixed_texts(fixtures):
    for language in json.loads((fixtures / "texts.json").read_text())["languages"].values():
        yield from ("passage: " + text for text in language["memories"])
        yield from ("query: " + text for text in language["questions"])


def check_against_package(source, weights, texts, ids):
    with tempfile.TemporaryDirectory() as folder:
        wrapper, library = pathlib.Path(folder, "w.c"), pathlib.Path(folder, "w.so")
        wrapper.write_text(f'#include "{source.resolve()}"\n'
                           "int ids(e5_model *m, const char *t, int *out) { return tok_content(&m->tok, t, out, 4096); }")
        subprocess.run(["gcc", "-O2", "-w", "-shared", "-fPIC", "-o", library, wrapper, "-lm"], check=True)
        c = ctypes.CDLL(str(library))
    c.e5_load.restype = ctypes.c_void_p
    model = ctypes.c_void_p(c.e5_load(str(weights).encode()))
    buffer = (ctypes.c_int * 4096)()
    for text, ours in zip(texts, ids):
        theirs = list(buffer[: c.ids(model, text.encode(), buffer)])
        assert theirs == ours, (text, theirs, ours)
    print(len(texts), "texts: same ids as the C code of the package")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("fixtures", type=pathlib.Path)
    arguments.add_argument("weights", type=pathlib.Path)
    arguments.add_argument("--source", type=pathlib.Path)
    given = arguments.parse_args()
    package = Package(given.weights)
    tokenizer = Tokenizer(package)
    texts = list(fixed_texts(given.fixtures))
    ids = [tokenizer.encode(text) for text in texts]
    if given.source:
        check_against_package(given.source, given.weights, texts, ids)

    table = package.q4("emb.word", package.rows, package.hidden)

    def vectors(model):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        for row in ids:
            hidden = session.run(None, {"tokens": table[[package.bos, *row, package.eos]]})[0]
            yield hidden / np.linalg.norm(hidden)

    reference = np.array(list(vectors(encoder.build(package, int8=False))))
    narrow = np.array(list(vectors(encoder.build(package, int8=True))))
    cosines = (reference * narrow).sum(1)
    print(f"int8 against f32, both in ONNX Runtime: cosine mean {cosines.mean():.5f} least {cosines.min():.5f}")
    (given.fixtures / "reference.f16").write_bytes(reference.astype("<f2").tobytes())
    cases = [[text, row] for text, row in zip(texts, ids)] + [[text, tokenizer.encode(text)] for text in AWKWARD]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    (given.fixtures / "tokens.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
