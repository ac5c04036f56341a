"""Check that a bundle's model.tflite is the exported file. Requires the standard library only."""

import hashlib
import json
import pathlib


def check_digest(folder: str | pathlib.Path) -> None:
    """Raise if model.tflite changed since the export: the interpreter may crash on it, or return wrong outputs."""
    facts, path = pathlib.Path(folder) / "kerasft.json", pathlib.Path(folder) / "model.tflite"
    expected = json.loads(facts.read_text("utf-8")).get("sha256") if facts.is_file() else None
    if expected is None:
        return
    received = hashlib.sha256(path.read_bytes()).hexdigest()
    if received != expected:
        raise ValueError(
            f"{path} is corrupted: its SHA-256 is {received[:12]}..., kerasft.json says {expected[:12]}.... Copy or export it "
            "again."
        )
