"""Load and save checkpoints in the formats of other libraries."""

from kerasft.checkpoints.bundle_reader import backbone_of, restore_head
from kerasft.checkpoints.load import has_task_head, load_pretrained, load_task_model, task_of
from kerasft.checkpoints.new import new_bert, new_gpt2, new_t5
from kerasft.checkpoints.report import LoadReport
from kerasft.checkpoints.save import push_to_hub, save_huggingface

__all__ = [
    "LoadReport",
    "backbone_of",
    "has_task_head",
    "load_pretrained",
    "load_task_model",
    "new_bert",
    "new_gpt2",
    "new_t5",
    "push_to_hub",
    "restore_head",
    "save_huggingface",
    "task_of",
]
