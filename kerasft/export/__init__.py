"""Export a bundle for servers (SavedModel) and mobile devices (LiteRT), and verify the export against the model."""

from kerasft.export.benchmark import measure_latency, measure_model
from kerasft.export.folders import beside
from kerasft.export.generation import litert_generation
from kerasft.export.litert import litert, profile
from kerasft.export.litert_lm import litert_lm
from kerasft.export.mediapipe import mediapipe, mediapipe_problems
from kerasft.export.saved_model import saved_model
from kerasft.export.verify import check_report, report_rows, verify
from kerasft.inference.runners import Runner, open_runner

__all__ = [
    "Runner",
    "beside",
    "check_report",
    "litert",
    "litert_generation",
    "litert_lm",
    "measure_latency",
    "measure_model",
    "mediapipe",
    "mediapipe_problems",
    "open_runner",
    "profile",
    "report_rows",
    "saved_model",
    "verify",
]
