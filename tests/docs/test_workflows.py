"""The workflows for GitHub are valid YAML, run what the Makefile has, with the versions that the pins name, without secrets."""

import re

import pytest
import yaml

from tests.docs.pages import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request):
    return yaml.safe_load(request.param.read_text("utf-8"))


def test_it_has_jobs_of_known_steps(workflow):
    assert workflow[True]  # YAML 1.1 reads `on` as True
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        assert all({"run", "uses"} & set(step) for step in job["steps"])


def test_commands_are_targets_of_the_makefile(workflow):
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands
    assert all(command.split()[0] == "make" and command.split()[1] in TARGETS for command in commands)


def test_no_workflow_needs_secrets():
    assert WORKFLOWS
    assert not any("secrets." in path.read_text("utf-8") for path in WORKFLOWS)


def test_the_environments_have_the_pythons_of_their_pins():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    pythons = {each["name"]: each["python"] for each in jobs["environments"]["strategy"]["matrix"]["include"]}
    folder = ROOT / "tests" / "environments"
    first_lines = {path.stem: path.read_text("utf-8").splitlines()[0] for path in folder.glob("*.txt")}
    assert pythons == {name: re.search(r"Python (\d+\.\d+)", line).group(1) for name, line in first_lines.items()}
