"""Terraform's AWS provider: apply, a plan without changes, changes, destroy. Skipped, with the reason, where
Terraform or the provider is not there. CLOISTER_TERRAFORM_CONFIG names a further configuration: a file with
the variables endpoint and memory, whose archive is app.zip."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import zip_of

HERE = pathlib.Path(__file__).parent / "terraform"
PLUGINS = [
    os.environ.get("CLOISTER_TERRAFORM_PLUGINS", ""), "/opt/tf-plugins",
    os.path.expanduser("~/.terraform.d/plugins"), "/usr/share/terraform/plugins",
]
CODE = """
import os
def handler(event, context):
    try:
        import words
        said = words.HELLO
    except ImportError:
        said = os.environ.get("GREETING", "nothing")
    return {"said": said, "to": event.get("name"), "revision": REVISION}
REVISION = %d
"""


def plugins():
    for folder in PLUGINS:
        if folder and any(pathlib.Path(folder).glob("*/hashicorp/aws/*/*/terraform-provider-aws*")):
            return folder
    return None


configurations = [HERE]
if os.environ.get("CLOISTER_TERRAFORM_CONFIG"):
    configurations.append(pathlib.Path(os.environ["CLOISTER_TERRAFORM_CONFIG"]))


class Terraform:
    def __init__(self, folder, endpoint, folder_of_plugins):
        self.folder = folder
        (folder / "rc").write_text(
            'disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n'
            '    path = "%s"\n  }\n}\n' % folder_of_plugins)
        self.environment = {
            **os.environ, "TF_CLI_CONFIG_FILE": str(folder / "rc"), "TF_IN_AUTOMATION": "1",
            "TF_VAR_endpoint": endpoint, "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}

    def write_code(self, revision):
        (self.folder / "app.zip").write_bytes(zip_of({"app.py": CODE % revision}))
        (self.folder / "layer.zip").write_bytes(zip_of({"python/words.py": "HELLO = 'from the layer'"}))

    def __call__(self, *arguments, expected=(0,)):
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"], cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
        assert done.returncode in expected, done.stdout
        return done.stdout

    def plan(self, *arguments):
        """0 without changes, 2 with."""
        done = subprocess.run(
            ["terraform", "plan", "-detailed-exitcode", "-input=false", "-no-color", *arguments],
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=240)
        assert done.returncode != 1, done.stdout
        return done.returncode, done.stdout


@pytest.mark.parametrize("configuration", configurations, ids=lambda path: path.name)
def test_apply_plan_change_destroy(evaluator, aws, tmp_path, configuration):
    """Few runs, because each takes seconds to load the provider."""
    if not shutil.which("terraform"):
        pytest.skip("there is no terraform on the PATH")
    if not plugins():
        pytest.skip("Terraform's AWS provider is in none of: " + ", ".join(filter(None, PLUGINS)))
    for file in configuration.glob("*.tf") if configuration.is_dir() else [configuration]:
        shutil.copy(file, tmp_path)
    terraform = Terraform(tmp_path, evaluator.endpoint, plugins())
    terraform.write_code(1)
    terraform("init", "-input=false")
    terraform("apply", "-auto-approve", "-input=false")
    name = "tf-greeter" if configuration == HERE else "tf-fn"

    def shown():
        return aws.get_function_configuration(FunctionName=name, Qualifier="live")["MemorySize"]

    assert shown() == 128
    code, text = terraform.plan()
    assert code == 0, text
    memory = ("-var", "memory=192")
    changed = terraform("apply", "-auto-approve", "-input=false", *memory)
    assert "128 -> 192" in changed and shown() == 192
    terraform.write_code(2)
    changed = terraform("apply", "-auto-approve", "-input=false", *memory)
    assert "source_code_hash" in changed
    answer = json.loads(aws.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")["Payload"].read())
    assert answer["revision"] == 2
    code, text = terraform.plan(*memory)
    assert code == 0, text
    terraform("destroy", "-auto-approve", "-input=false", *memory)
    left = [f["FunctionName"] for page in aws.get_paginator("list_functions").paginate()
            for f in page["Functions"]]
    assert not [n for n in left if n.startswith("tf-")]
