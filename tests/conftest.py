"""Settings of the whole test run: offline, CPU, quiet."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["HF_HUB_OFFLINE"] = "1"
