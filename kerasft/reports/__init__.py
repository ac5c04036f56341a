"""Evaluation reports: metrics, figures and errors of a model on one split, as JSON and as a self-contained HTML page."""

from kerasft.reports import plots
from kerasft.reports.baseline import EVALUATED, TRAINING, constant_logits, statistics
from kerasft.reports.evaluate import evaluate, summarize, with_baseline
from kerasft.reports.notebook import Html, highlight, table
from kerasft.reports.report import Report, headline, score_rows
from kerasft.reports.training import with_training
from kerasft.reports.undefined import undefined_correlation, undefined_scores, undefined_spans

__all__ = [
    "EVALUATED",
    "TRAINING",
    "Html",
    "Report",
    "constant_logits",
    "evaluate",
    "headline",
    "highlight",
    "plots",
    "score_rows",
    "statistics",
    "summarize",
    "table",
    "undefined_correlation",
    "undefined_scores",
    "undefined_spans",
    "with_baseline",
    "with_training",
]
