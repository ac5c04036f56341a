"""The page in headless Chromium: the ids of the training tokenizer, and the probabilities that Python gives."""

import contextlib
import functools
import http.server
import json
import pathlib
import queue
import shutil
import subprocess
import threading

import numpy as np
import pytest

import kerasft
from kerasft import Labels, export
from kerasft.answers import answers, probabilities
from tests.export.conftest import make_bundle

WEB = pathlib.Path(kerasft.__file__).parent / "mobile" / "web"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and keeps what the page posts."""

    def __init__(self, *args, results, **kwargs):
        self.results = results
        super().__init__(*args, **kwargs)

    def do_POST(self):
        self.results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory):
    """The page's packages, installed by npm once a session."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("npm")
    shutil.copy(WEB / "package.json", folder)
    try:
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm answered nothing for 120 s")
    if done.returncode:
        pytest.skip(f"npm can't install @litertjs/core: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "node_modules"


@contextlib.contextmanager
def served(folder):
    results = queue.Queue()
    handler = functools.partial(Handler, directory=str(folder), results=results)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", results
        finally:
            server.shutdown()
            thread.join()


def run_page(folder, node_modules, profile):
    """Open the bundle's page and return what it found on golden.jsonl."""
    shutil.copytree(node_modules, folder / "web" / "node_modules")
    with served(folder) as (url, results):
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"{url}/web/index.html?report=/results"]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return results.get(timeout=120)
        finally:
            browser.terminate()
            browser.wait(timeout=20)


REJECTION = {"threshold": 0.8, "label": "oos"}


def best(answer: dict) -> list[tuple[str, float]]:
    """The labels and scores of a pipeline's answer."""
    return [(item["label"], item["score"]) for item in answer.get("labels", [answer])]


@pytest.mark.parametrize(
    ("problem", "settings"),
    [
        ("single_label", {}),
        ("single_label", {"temperature": 2.5, "out_of_scope": REJECTION}),
        ("multi_label", {}),
        ("multi_label", {"temperature": 2, "thresholds": [0.2, 0.5, 0.8]}),
        ("regression", {}),
    ],
)
def test_answers_are_those_of_the_pipeline(problem, settings):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    labels = Labels(["a", "b", "c"], problem)
    logits = np.random.default_rng(0).normal(size=(20, 3)) * 3
    signature = {"problem": problem, "labels": list(labels), "settings": settings}
    program = f"""
        const {{ Answers }} = await import({json.dumps((WEB / "answers.js").as_uri())});
        const answers = new Answers({json.dumps(signature)});
        console.log(JSON.stringify({json.dumps(logits.tolist())}.map((row) => [answers.scores(row), answers.best(row)])));
    """
    command = ["node", "--input-type=module", "--eval", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    options = dict(settings)
    expected = answers(logits, labels, threshold=options.pop("thresholds", 0.5), **options)
    chances = probabilities(logits, labels, temperature=settings.get("temperature", 1.0))
    for (scores, found), row, answer in zip(json.loads(done.stdout), chances, expected, strict=True):
        assert scores == pytest.approx(row)
        wanted = list(answer.items()) if problem == "regression" else best(answer)
        assert [item["label"] for item in found] == [label for label, _ in wanted]
        assert [item["score"] for item in found] == pytest.approx([score for _, score in wanted])


@pytest.mark.parametrize(
    ("lengths", "pair", "settings"),
    [([8, 24], False, {"temperature": 2.5, "out_of_scope": REJECTION}), (24, True, {})],
)
def test_the_page_answers_as_python_does(tmp_path, node_modules, lengths, pair, settings):
    bundle = make_bundle(tmp_path / "bundle", pair=pair, settings=settings)
    export.litert(bundle, tmp_path / "mobile", sequence_length=lengths)
    found = run_page(tmp_path / "mobile", node_modules, tmp_path / "profile")
    assert "error" not in found, found
    assert found["texts"] >= 50
    assert found["equalIds"] == found["texts"]
    assert found["maxDifference"] < 1e-4
    texts = [tuple(row["texts"]) if pair else row["texts"][0] for row in found["answers"]]
    expected = kerasft.pipelines.load(bundle)(texts, with_probabilities=True)
    for row, answer in zip(found["answers"], expected, strict=True):
        np.testing.assert_allclose(row["scores"], list(answer["probabilities"].values()), atol=1e-5)
        assert [item["label"] for item in row["best"]] == [label for label, _ in best(answer)]


def test_a_file_of_any_length_is_refused_with_what_to_do(tmp_path, node_modules):
    export.litert(make_bundle(tmp_path / "bundle"), tmp_path / "mobile")
    found = run_page(tmp_path / "mobile", node_modules, tmp_path / "profile")
    assert "export with --sequence-length" in found["error"]
