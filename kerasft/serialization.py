"""Makes `keras.models.load_model` work after `import kerasft`: Keras finds every kerasft class by its registered name.

A class registers itself when its module is imported, which needs TensorFlow and Keras. `import kerasft` must start neither, so
it registers a placeholder for each name as soon as Keras is imported. A placeholder imports the class when Keras first uses it;
the class then replaces it.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

PACKAGE = "kerasft"
"""Package name before `>` in a registered name."""
CLASSES: dict[str, str] = {
    "kerasft.backbones.bert": "BertConfig",
    "kerasft.backbones.distilbert": "DistilBertConfig",
    "kerasft.backbones.electra": "ElectraConfig",
    "kerasft.backbones.gpt2": "GPT2Config",
    "kerasft.backbones.position_embedding": "PositionEmbedding",
    "kerasft.backbones.relative_position": "RelativeAttentionBias",
    "kerasft.backbones.roberta": "RobertaConfig RobertaPositionEmbedding XlmRobertaConfig",
    "kerasft.backbones.t5": "MT5Config T5Config",
    "kerasft.backbones.t5_block": "T5Block",
    "kerasft.backbones.t5_layers": "T5Attention T5FeedForward",
    "kerasft.backbones.token_embedding": "TokenEmbedding",
    "kerasft.backbones.transformer_decoder": "CausalAttentionBias TransformerDecoderLayer",
    "kerasft.backbones.transformer_encoder": "AttentionBias TransformerEncoderLayer",
    "kerasft.heads.intent_and_slots": "IntentAndSlotsModel",
    "kerasft.heads.labelled_model": "LabelledModel Logits",
    "kerasft.heads.logits_model": "LogitsModel",
    "kerasft.heads.masked_lm": "OutputBias",
    "kerasft.heads.pooling": "LastToken MaskedMean",
    "kerasft.heads.relation_extraction": "EntityStates",
    "kerasft.losses.crossentropy": "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy",
    "kerasft.losses.focal": ("BinaryFocalCrossentropy CategoricalFocalCrossentropy SparseCategoricalFocalCrossentropy"),
    "kerasft.losses.similarity": "CosineSimilarityLoss MultipleNegativesRanking",
    "kerasft.losses.span": "SpanCrossentropy",
    "kerasft.losses.squared_error": "MeanSquaredError",
    "kerasft.metrics.class_counts": "F1Score MatthewsCorrelation",
    "kerasft.metrics.correlation": "PearsonCorrelation SpearmanCorrelation",
    "kerasft.metrics.perplexity": "Perplexity",
    "kerasft.optimizers.adamw": "AdamW",
    "kerasft.optimizers.schedules": "WarmupCosineDecay WarmupLinearDecay WarmupPolynomialDecay",
}
"""Module -> its registered classes. A test checks that this matches the registrations."""
_FUNCTIONS = "kerasft.activations"
# Keras uses registered functions directly, and models compare them by identity, so a placeholder would not work. The module
# requires only Keras, so it is imported immediately.


class StandIn:
    """Placeholder of a class in Keras' registry until it is first used.

    Args:
        module: Module of the class.
        name: Name of the class.

    Example:

    >>> StandIn("kerasft.optimizers.schedules", "WarmupLinearDecay").from_config.__name__
    'from_config'
    """

    def __init__(self, module: str, name: str):
        self._place = (module, name)
        self.__name__ = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # probed by copy and pickle, which must not import anything
            raise AttributeError(attribute)
        return getattr(self._class(), attribute)

    def __call__(self, *args, **kwargs) -> Any:
        """Create an instance of the class."""
        return self._class()(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<class '{'.'.join(self._place)}'>"

    def _class(self) -> type:
        module, name = self._place
        return getattr(importlib.import_module(module), name)


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Import hook that registers our classes when Keras is imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "keras":
            return None
        finders = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in finders)), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                _register(module)

            spec.loader.exec_module = execute_and_register
        return spec


def register_with_keras() -> None:
    """Register all classes now if Keras is imported, and whenever it is imported later. Imports neither it nor TensorFlow.

    Example:

    >>> import keras
    >>> register_with_keras()
    >>> keras.saving.get_registered_object("kerasft>AdamW") is not None
    True
    """
    if not any(isinstance(finder, _AfterKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterKeras())
    if sys.modules.get("keras") is not None:
        _register(sys.modules["keras"])


def _register(keras: ModuleType) -> None:
    registry = keras.saving.get_custom_objects()
    for module, names in CLASSES.items():
        for name in names.split():
            registry.setdefault(f"{PACKAGE}>{name}", StandIn(module, name))
    importlib.import_module(_FUNCTIONS)
