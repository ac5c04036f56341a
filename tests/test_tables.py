"""Tables by task, by problem and by quantization: none of them forgets one."""

import importlib

import pytest

from kerasft.answers.answering import Answering
from kerasft.callbacks import early_stopping
from kerasft.features import MULTI_LABEL, PROBLEMS, REGRESSION, Labels
from kerasft.metrics import for_labels
from kerasft.pipelines.load import PIPELINES
from kerasft.tasks import TASKS

BY_TASK = [  # module, table, the tasks that it may lack, those beyond
    ("kerasft.pipelines.load", "PIPELINES", (), ()),
    ("kerasft.cli.train", "_TASKS", (), ("few-shot",)),
    ("kerasft.demo.customer_service_tasks", "_WRITERS", (), ("few-shot",)),
]


@pytest.mark.parametrize(("module", "table", "missing", "more"), BY_TASK)
def test_a_table_by_task_has_every_task(module, table, missing, more):
    found = set(getattr(importlib.import_module(module), table))
    assert found == set(TASKS) - set(missing) | set(more)


def test_a_device_answers_every_task_whose_answer_is_no_text():
    answered = {
        name.removeprefix("answer_").replace("_", "-") for name in vars(Answering) if name.startswith("answer_")
    }
    assert answered == set(TASKS) - {"masked-lm", "causal-lm", "sequence-to-sequence"}


@pytest.mark.parametrize(
    ("module", "table"),
    [("kerasft.tasks.text_classification", "_ACTIVATIONS"), ("kerasft.recipes.text_classification", "MONITOR")],
)
def test_a_table_by_problem_has_every_problem(module, table):
    assert set(getattr(importlib.import_module(module), table)) == set(PROBLEMS)


def test_a_table_by_quantization_has_every_quantization():
    pages = importlib.import_module("kerasft.export.mobile_pages")
    for module in ("quantization", "generation"):
        assert set(importlib.import_module(f"kerasft.export.{module}").QUANTIZATIONS) <= set(pages._KIND)


@pytest.mark.parametrize("task", PIPELINES)
def test_every_number_that_a_recipe_can_monitor_has_a_direction(task):
    recipe = importlib.import_module(f"kerasft.recipes.{task.replace('-', '_')}")
    scores = getattr(recipe, "SCORES", getattr(recipe, "METRICS", ()))
    names = [name for each in scores.values() for name in each] if isinstance(scores, dict) else list(scores)
    if task == "text-classification":
        problems = (Labels(["a", "b"]), Labels(["a"], MULTI_LABEL), Labels(["a"], REGRESSION))
        names = [metric.name for labels in problems for metric in for_labels(labels)]
        names += [name.removeprefix("val_") for name in recipe.MONITOR.values()]
    for name in ["loss", *names]:
        assert early_stopping(f"val_{name}").mode in ("min", "max"), name
