"""Hub ids, against the hub's cache and a local server that stands in for the hub."""

import functools
import hashlib
import http.server
import json
import threading
import types
import urllib.parse

import huggingface_hub
import pytest

import kerasft
from kerasft.checkpoints import hub, torch_reader
from kerasft.errors import CheckpointError, KerasftError
from tests import tiny

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
    return folder


def fill(cache, hub_id="someone/tiny-bert"):
    """Put a checkpoint into the cache, as a download would."""
    repository = cache / f"models--{hub_id.replace('/', '--')}"
    tiny.bert_folder(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)


@pytest.mark.parametrize("name", ["someone/tiny-bert", "hf://someone/tiny-bert"])
def test_offline_the_cache_is_enough(cache, name):
    fill(cache)
    backbone, _ = kerasft.load_pretrained(name)
    assert backbone.get_layer("token_embedding").embeddings.shape == (len(tiny.VOCABULARY), 16)


def test_offline_without_cache_is_one_sentence(cache):
    with pytest.raises(CheckpointError, match=r"'someone/unknown' is neither .* HF_HUB_OFFLINE"):
        kerasft.load_pretrained("someone/unknown")


def test_a_revision_is_passed_on(cache):
    fill(cache)
    assert hub.download("someone/tiny-bert", COMMIT).name == COMMIT
    with pytest.raises(CheckpointError, match="at revision 'v2'"):
        kerasft.load_pretrained("someone/tiny-bert", revision="v2")


class Hub(http.server.BaseHTTPRequestHandler):
    """The two parts of the hub's protocol that a download uses: the listing, and the files."""

    def __init__(self, folder, asked, *arguments):
        self.folder, self.asked = folder, asked
        super().__init__(*arguments)

    def log_message(self, *arguments):
        """Keep the tests' output clean."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.asked.append(path)
        if path.startswith("/api/models/someone/tiny-bert"):
            siblings = [{"rfilename": file.name} for file in sorted(self.folder.iterdir())]
            tree = [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": digest(file)}
                for file in sorted(self.folder.iterdir())
            ]
            body = tree if "/tree/" in path else {"id": "someone/tiny-bert", "sha": COMMIT, "siblings": siblings}
            self.answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
        elif path.startswith("/someone/tiny-bert/resolve/"):
            file = self.folder / path.rsplit("/", 1)[1]
            self.answer(200, file.read_bytes(), {"ETag": f'"{digest(file)}"', "X-Repo-Commit": COMMIT})
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def digest(file):
    return hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub on this machine that has `someone/tiny-bert`; gives the list of the paths that were asked for."""
    folder = tiny.bert_folder(tmp_path / "served")
    (folder / "pytorch_model.bin").write_bytes(b"not to be downloaded")
    asked = []
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Hub, folder, asked))
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    use_endpoint(monkeypatch, f"http://127.0.0.1:{httpd.server_port}")
    yield asked
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def use_endpoint(monkeypatch, url):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def test_what_is_needed_is_downloaded_once(cache, server):
    kerasft.load_pretrained("someone/tiny-bert")
    assert any(path.endswith("model.safetensors") for path in server)
    assert not any(path.endswith(".bin") for path in server)


@pytest.mark.parametrize("has_torch", [True, False])
def test_another_format_is_downloaded_where_there_are_no_safetensors(cache, server, monkeypatch, tmp_path, has_torch):
    monkeypatch.setattr(torch_reader, "is_available", lambda: has_torch)
    served = tmp_path / "served"
    (served / "model.safetensors").unlink()
    (served / "tf_model.h5").write_bytes(b"")
    for name in ("vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "training_args.bin"):
        (served / name).write_text("")
    folder = hub.download("someone/tiny-bert")
    found = {path.name for path in folder.iterdir()}
    assert {"vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model"} <= found
    assert found & {"pytorch_model.bin", "tf_model.h5"} == {"pytorch_model.bin" if has_torch else "tf_model.h5"}
    assert "training_args.bin" not in found


class RecordingApi:
    """Stands in for `huggingface_hub.HfApi`; remembers what it was asked to do."""

    calls = []

    def __init__(self, token=None):
        self.calls.append(("token", token))

    def create_repo(self, repo_id, **options):
        self.calls.append(("create_repo", repo_id, options))

    def create_branch(self, repo_id, **options):
        self.calls.append(("create_branch", repo_id, options))

    def upload_folder(self, *, folder_path, **options):
        names = sorted(path.name for path in folder_path.iterdir())
        self.calls.append(("upload_folder", options, names))
        return types.SimpleNamespace(commit_url="https://hub/someone/reviews/commit/1")


def test_a_model_is_uploaded_on_demand(monkeypatch):
    monkeypatch.setattr(huggingface_hub, "HfApi", RecordingApi)
    monkeypatch.setattr(RecordingApi, "calls", [])
    url = kerasft.checkpoints.push_to_hub(
        tiny.backbone(), tiny.tokenizer(), "someone/reviews", private=True, revision="dev", token="secret"
    )
    assert url == "https://hub/someone/reviews/commit/1"
    token, repository, branch, (_, options, names) = RecordingApi.calls
    assert token == ("token", "secret")
    assert repository == ("create_repo", "someone/reviews", {"private": True, "exist_ok": True})
    assert branch == ("create_branch", "someone/reviews", {"branch": "dev", "exist_ok": True})
    assert options["revision"] == "dev"
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= set(names)


def test_an_upload_that_fails_is_one_sentence(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    use_endpoint(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="'someone/reviews' could not be uploaded"):
        kerasft.checkpoints.push_to_hub(tiny.backbone(), tiny.tokenizer(), "someone/reviews")
    with pytest.raises(KerasftError, match="`repo_id` must be a name of the form 'owner/name'; received: 'no name'"):
        kerasft.checkpoints.push_to_hub(tiny.backbone(), tiny.tokenizer(), "no name")


def test_an_unknown_repository_is_one_sentence(cache, server):
    with pytest.raises(CheckpointError, match="'someone/unknown' is neither a local folder nor"):
        kerasft.load_pretrained("someone/unknown")


def test_no_network_is_one_sentence(cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    use_endpoint(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="'someone/unknown' is neither a local folder nor"):
        kerasft.load_pretrained("someone/unknown")
