"""Inference on texts: load a bundle, an exported SavedModel or a LiteRT folder, and call it."""

from kerasft.export.benchmark import measure_latency
from kerasft.pipelines.causal_lm import TextGenerationPipeline
from kerasft.pipelines.graph_files import graph_format, write_triples
from kerasft.pipelines.inputs import Items, items_of
from kerasft.pipelines.intent_and_slots import IntentAndSlotsPipeline
from kerasft.pipelines.knowledge_graph import KnowledgeGraph
from kerasft.pipelines.load import load, scorer, texts_of
from kerasft.pipelines.masked_lm import MaskedLMPipeline
from kerasft.pipelines.pipeline import Pipeline
from kerasft.pipelines.question_answering import QuestionAnsweringPipeline
from kerasft.pipelines.relation_extraction import RelationExtractionPipeline
from kerasft.pipelines.search import Search
from kerasft.pipelines.sentence_embedding import SentenceEmbeddingPipeline
from kerasft.pipelines.sentences import split_sentences
from kerasft.pipelines.sequence_to_sequence import SequenceToSequencePipeline
from kerasft.pipelines.some_rows import some_rows
from kerasft.pipelines.text_classification import TextClassificationPipeline
from kerasft.pipelines.token_classification import TokenClassificationPipeline
from kerasft.pipelines.zero_shot import ZeroShotPipeline

__all__ = [
    "IntentAndSlotsPipeline",
    "Items",
    "KnowledgeGraph",
    "MaskedLMPipeline",
    "Pipeline",
    "QuestionAnsweringPipeline",
    "RelationExtractionPipeline",
    "Search",
    "SentenceEmbeddingPipeline",
    "SequenceToSequencePipeline",
    "TextClassificationPipeline",
    "TextGenerationPipeline",
    "TokenClassificationPipeline",
    "ZeroShotPipeline",
    "graph_format",
    "items_of",
    "load",
    "measure_latency",
    "scorer",
    "some_rows",
    "split_sentences",
    "texts_of",
    "write_triples",
]
