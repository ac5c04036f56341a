"""Export a bundle for servers (SavedModel) and phones (LiteRT), and measure the written file against the model."""

from kerasft.export.benchmark import measure_latency, measure_model
from kerasft.export.litert import litert
from kerasft.export.runners import Runner, open_runner
from kerasft.export.saved_model import saved_model
from kerasft.export.verify import check_report, report_rows, verify

__all__ = [
    "Runner",
    "check_report",
    "litert",
    "measure_latency",
    "measure_model",
    "open_runner",
    "report_rows",
    "saved_model",
    "verify",
]
