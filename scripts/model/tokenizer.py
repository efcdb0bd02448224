"""The tokenizer of the reference: nmt_nfkc normalisation and SentencePiece unigram, in plain Python.

It is written a second time in Rust (crates/embed/src/unigram.rs), which is tested against this one; this
one is tested against the C code of the package by reference.py.
"""
import re
import unicodedata

SPACE = "\u2581"


class Tokenizer:
    def __init__(self, package):
        self.package = package
        special = {package.bos, package.eos, package.pad, package.unk, package.pieces_count - 1}
        # A text that says "</s>" means these four characters: control pieces never match.
        self.ids = {p.decode(): i for i, p in enumerate(package.pieces) if i not in special}
        self.longest = max(map(len, self.ids))
        self.scores = package.scores.tolist()
        self.unknown = min(self.scores) - 10

    def normalise(self, text):
        replaced = self.package.normalise
        text = "".join("".join(map(chr, replaced[ord(c)])) if ord(c) in replaced else c for c in text)
        return re.sub(" +", " ", unicodedata.normalize("NFC", text)).strip(" ")

    def encode(self, text):
        """The ids of a text, without <s> and </s>."""
        return [i for word in self.normalise(text).split(" ") if word for i in self.word(SPACE + word)]

    def word(self, word):
        best = [(0.0, 0, 0)] + [(-1e30, 0, 0)] * len(word)  # score, begin, id
        for begin in range(len(word)):
            base = best[begin][0]
            for end in range(begin + 1, min(len(word), begin + self.longest) + 1):
                piece = self.ids.get(word[begin:end])
                if piece is not None and base + self.scores[piece] > best[end][0]:
                    best[end] = (base + self.scores[piece], begin, piece)
            if base + self.unknown > best[begin + 1][0]:
                best[begin + 1] = (base + self.unknown, begin, self.package.unk)
        ids, end = [], len(word)
        while end > 0:
            _, begin, piece = best[end]
            if not (ids and piece == self.package.unk == ids[-1]):  # a run of unknowns is one unknown
                ids.append(piece)
            end = begin
        return ids[::-1]
