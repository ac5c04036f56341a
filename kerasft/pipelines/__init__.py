"""Text in, answer out: load a bundle, an exported SavedModel or a LiteRT folder, and call it."""

from kerasft.export.benchmark import measure_latency
from kerasft.pipelines.load import load
from kerasft.pipelines.pipeline import Pipeline
from kerasft.pipelines.relation_extraction import RelationExtractionPipeline
from kerasft.pipelines.text_classification import TextClassificationPipeline

__all__ = ["Pipeline", "RelationExtractionPipeline", "TextClassificationPipeline", "load", "measure_latency"]
