"""One straight-line script a task: copy it, change it, run it. `kerasft train TASK` runs the same code."""

from kerasft.recipes import relation_extraction, text_classification

__all__ = ["relation_extraction", "text_classification"]
