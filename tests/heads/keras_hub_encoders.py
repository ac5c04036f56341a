"""KerasHub's own encoders, tiny, which the heads have to fit as they are."""

import keras_hub

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
KERAS_HUB = {
    "albert": lambda: keras_hub.models.AlbertBackbone(vocabulary_size=50, embedding_dim=8, **SIZES),
    "electra": lambda: keras_hub.models.ElectraBackbone(vocab_size=50, embedding_dim=8, **SIZES),
    "distilbert": lambda: keras_hub.models.DistilBertBackbone(vocabulary_size=50, **SIZES),
    "roberta": lambda: keras_hub.models.RobertaBackbone(vocabulary_size=50, **SIZES),
}
