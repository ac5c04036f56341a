"""Evaluation reports: the numbers, the figures and the mistakes of a model on one split, as JSON and one HTML page."""

from kerasft.reports import plots
from kerasft.reports.evaluate import evaluate, summarize
from kerasft.reports.report import Report, headline

__all__ = ["Report", "evaluate", "headline", "plots", "summarize"]
