"""Makes a text encoder of a few kB for the tests of `OnnxModel`: it looks like a BERT, and knows 20 words.

usage: tiny.py OUT_DIR

writes OUT_DIR/model.onnx (input_ids, attention_mask, token_type_ids -> last_hidden_state) and
OUT_DIR/tokenizer.json (WordPiece). Words of one meaning have vectors that are alike, so that a test can
tell a model that was read rightly from one that was not; positions add nothing.
"""
import json
import pathlib
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

WIDTH = 8
MEANINGS = [["cat", "kitten", "##ty"], ["dog", "puppy", "hound"], ["red", "scarlet", "crimson"], ["run", "runs", "running"]]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "the"] + [word for group in MEANINGS for word in group]


def vectors():
    rng = np.random.default_rng(8)
    rows = rng.normal(0, 0.05, (len(WORDS), WIDTH)).astype("f4")
    for place, group in enumerate(MEANINGS):
        for word in group:
            rows[WORDS.index(word), 2 * place : 2 * place + 2] += 1
    return rows


def graph():
    constants = [
        numpy_helper.from_array(vectors(), "words"),
        numpy_helper.from_array(np.zeros((2, WIDTH), "f4"), "types"),
        numpy_helper.from_array(np.array([-1], "i8"), "last"),
    ]
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["word"]),
        helper.make_node("Gather", ["types", "token_type_ids"], ["type"]),
        helper.make_node("Add", ["word", "type"], ["sum"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["sum", "column"], ["last_hidden_state"]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
              for name in ("input_ids", "attention_mask", "token_type_ids")]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", WIDTH])
    model = helper.make_model(helper.make_graph(nodes, "tiny", inputs, [output], constants),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def tokenizer():
    special = [{"id": WORDS.index(word), "content": word, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for word in WORDS[:4]]
    mark = lambda word: {"SpecialToken": {"id": word, "type_id": 0}}
    return {
        "version": "1.0",
        # As exported after training: both must be ignored, or long texts lose their ends.
        "truncation": {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [mark("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, mark("[SEP]")],
                           "pair": [mark("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, mark("[SEP]"),
                                    {"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {word: {"id": word, "ids": [WORDS.index(word)], "tokens": [word]}
                                              for word in ("[CLS]", "[SEP]")}},
        "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {word: i for i, word in enumerate(WORDS)}},
    }


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(graph())
    (out / "tokenizer.json").write_text(json.dumps(tokenizer(), indent=1) + "\n")
