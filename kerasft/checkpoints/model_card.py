"""The model card of a saved checkpoint: contents and usage."""

import json

_AUTO_CLASSES = {  # https://huggingface.co/docs/transformers/model_doc/auto
    "Model": "AutoModel",
    "LMHeadModel": "AutoModelForCausalLM",
    "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
}
_PIPELINE_TAGS = {
    "AutoModel": "feature-extraction",
    "AutoModelForCausalLM": "text-generation",
    "AutoModelForMaskedLM": "fill-mask",
    "AutoModelForQuestionAnswering": "question-answering",
    "AutoModelForSeq2SeqLM": "text2text-generation",
    "AutoModelForSequenceClassification": "text-classification",
    "AutoModelForTokenClassification": "token-classification",
}


def model_card(fields: dict, *, kind: str, num_parameters: int, kerasft_loader: str) -> str:
    """Return the content of `README.md`.

    Args:
        fields: The fields of `config.json`.
        kind: What follows the family in the class name, such as `"ForSequenceClassification"`.
        num_parameters: Number of parameters.
        kerasft_loader: `"load_pretrained"` or `"load_task_model"`.

    Example:

    >>> fields = {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 128}
    >>> card = model_card(fields, kind="Model", num_parameters=4_400_000, kerasft_loader="load_pretrained")
    >>> card.splitlines()[:4]
    ['---', 'library_name: transformers', 'pipeline_tag: feature-extraction', 'tags:']
    >>> "AutoModel.from_pretrained" in card
    True
    """
    auto_class = _AUTO_CLASSES.get(kind, f"Auto{'Model' if kind.startswith('For') else ''}{kind}")
    tag = _PIPELINE_TAGS.get(auto_class)
    lines = [
        "---",
        "library_name: transformers",
        *([f"pipeline_tag: {tag}"] if tag else []),
        "tags:",
        "- kerasft",
        f"- {fields['model_type']}",
        "---",
        "",
        f"# {fields['architectures'][0]}",
        "",
        f"A `{fields['model_type']}` model with {num_parameters:,} parameters, exported from Keras by kerasft. This card lists",
        "the contents of its files; please add its training data, scores and license.",
        "",
        *_labels(fields),
        "## Usage",
        "",
        "With `transformers` on PyTorch:",
        "",
        "```python",
        f"from transformers import {auto_class}, AutoTokenizer",
        "",
        'tokenizer = AutoTokenizer.from_pretrained("path/of/this/folder")',
        f'model = {auto_class}.from_pretrained("path/of/this/folder")',
        "```",
        "",
        "With `kerasft` on TensorFlow:",
        "",
        "```python",
        "import kerasft",
        "",
        f'model, tokenizer = kerasft.{kerasft_loader}("path/of/this/folder")',
        "```",
        "",
        "## Configuration",
        "",
        "| field | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in fields.items() if isinstance(value, int | float | str)),
    ]
    return "\n".join(lines) + "\n"


def _labels(fields: dict) -> list[str]:
    if "id2label" not in fields:
        return []
    rows = [f"| {index} | {_cell(name)} |" for index, name in fields["id2label"].items()]
    return ["## Labels", "", "| id | label |", "|---|---|", *rows, ""]


def _cell(name: str) -> str:
    return json.dumps(name, ensure_ascii=False).replace("|", "\\|")
