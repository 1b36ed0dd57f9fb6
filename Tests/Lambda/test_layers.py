"""Layers: published, used below /opt, listed, deleted."""

import json
import pathlib
import urllib.request

import pytest
from conftest import refusal, settled, zip_of

MISSING = ("ResourceNotFoundException", 404)
INVALID = ("InvalidParameterValueException", 400)
ZIP = zip_of({"python/words.py": "HELLO = 'from the layer'", "data.txt": "one"})


def publish(aws, name, content=ZIP, **more):
    return aws.publish_layer_version(LayerName=name, Content={"ZipFile": content}, **more)


def test_a_layer_is_published_and_shown(aws):
    made = publish(aws, "shown", Description="d", LicenseInfo="MIT", CompatibleRuntimes=["python3.11"])
    assert made["Version"] == 1 and made["LayerVersionArn"].endswith(":layer:shown:1")
    assert publish(aws, "shown")["Version"] == 2
    shown = aws.get_layer_version(LayerName="shown", VersionNumber=1)
    assert (shown["Description"], shown["LicenseInfo"]) == ("d", "MIT")
    assert urllib.request.urlopen(shown["Content"]["Location"]).read() == ZIP
    assert shown["Content"]["CodeSize"] == len(ZIP)
    assert aws.get_layer_version_by_arn(Arn=made["LayerVersionArn"])["Version"] == 1


def test_layers_are_listed(aws):
    for name in "list-a", "list-b":
        publish(aws, name)
        publish(aws, name, CompatibleRuntimes=["nodejs20.x"])
    versions = aws.list_layer_versions(LayerName="list-a")["LayerVersions"]
    assert [v["Version"] for v in versions] == [2, 1]
    first = aws.list_layer_versions(LayerName="list-a", MaxItems=1)
    assert [v["Version"] for v in first["LayerVersions"]] == [2]
    rest = aws.list_layer_versions(LayerName="list-a", Marker=first["NextMarker"])["LayerVersions"]
    assert [v["Version"] for v in rest] == [1]
    found = {l["LayerName"]: l["LatestMatchingVersion"]["Version"] for l in aws.list_layers()["Layers"]}
    assert found["list-a"] == found["list-b"] == 2
    js = [l["LayerName"] for l in aws.list_layers(CompatibleRuntime="nodejs20.x")["Layers"]]
    assert "list-a" in js and "shown" not in js


def test_a_function_sees_its_layers_below_opt(aws, make):
    one = publish(aws, "use-one")["LayerVersionArn"]
    two = publish(aws, "use-two", zip_of({"data.txt": "two", "bin/tool": "#!"}))["LayerVersionArn"]
    name = make(
        "import os, words\ndef handler(e, c):\n"
        "    return [words.HELLO, open('/opt/data.txt').read(), sorted(os.listdir('/opt'))]",
        Layers=[one, two])
    shown = aws.get_function_configuration(FunctionName=name)["Layers"]
    assert [l["Arn"] for l in shown] == [one, two]
    result = json.loads(aws.invoke(FunctionName=name)["Payload"].read())
    assert result == ["from the layer", "two", ["bin", "data.txt", "python"]]
    # Other settings leave them alone, also once a layer is gone.
    aws.delete_layer_version(LayerName="use-two", VersionNumber=1)
    aws.update_function_configuration(FunctionName=name, Timeout=5)
    assert json.loads(aws.invoke(FunctionName=name)["Payload"].read()) == result
    changed = aws.update_function_configuration(FunctionName=settled(aws, name), Layers=[one])
    assert [l["Arn"] for l in changed["Layers"]] == [one]
    assert json.loads(aws.invoke(FunctionName=name)["Payload"].read())[1] == "one"
    assert "Layers" not in aws.update_function_configuration(
        FunctionName=settled(aws, name), Layers=[])
    assert b"ImportModuleError" in aws.invoke(FunctionName=name)["Payload"].read()


def test_a_layer_with_node_modules(aws, make):
    arn = publish(aws, "node", zip_of({"nodejs/node_modules/words/index.js": "module.exports = 'hello';"}))
    name = make(js="exports.handler = async () => require('words');", Layers=[arn["LayerVersionArn"]])
    assert aws.invoke(FunctionName=name)["Payload"].read() == b'"hello"'


def test_opt_cannot_be_written(aws, make):
    arn = publish(aws, "read-only")["LayerVersionArn"]
    name = make("def handler(e, c):\n    open('/opt/x', 'w')", Layers=[arn])
    assert b"Error" in aws.invoke(FunctionName=name)["Payload"].read()


def test_a_deleted_layer_version_is_gone_and_its_number_never_used_again(aws):
    publish(aws, "gone")
    aws.delete_layer_version(LayerName="gone", VersionNumber=1)
    assert refusal(aws.get_layer_version, LayerName="gone", VersionNumber=1) == MISSING
    assert publish(aws, "gone")["Version"] == 2


def test_layers_that_cannot_be(aws, raw, make):
    assert refusal(raw.publish_layer_version, LayerName="bad", Content={"ZipFile": b"no zip"}) == INVALID
    assert refusal(raw.publish_layer_version, LayerName="a b", Content={"ZipFile": ZIP}) == (
        "ValidationException", 400)
    assert refusal(raw.publish_layer_version, LayerName="bad", Content={"S3Bucket": "bbb", "S3Key": "k"}) == INVALID
    assert refusal(raw.get_layer_version_by_arn, Arn="no-arn") == ("ValidationException", 400)
    arns = [publish(aws, "many-%d" % i)["LayerVersionArn"] for i in range(6)]
    name = make()
    assert refusal(aws.update_function_configuration, FunctionName=name, Layers=arns) == INVALID
    second = publish(aws, "many-0")["LayerVersionArn"]
    assert refusal(
        aws.update_function_configuration, FunctionName=name, Layers=[arns[0], second]) == INVALID


def test_policies_of_layers(aws):
    publish(aws, "policy")
    of = {"LayerName": "policy", "VersionNumber": 1}
    assert refusal(aws.get_layer_version_policy, **of) == MISSING
    aws.add_layer_version_permission(
        StatementId="s", Action="lambda:GetLayerVersion", Principal="*", **of)
    assert '"Sid":"s"' in aws.get_layer_version_policy(**of)["Policy"]
    aws.remove_layer_version_permission(StatementId="s", **of)
    assert refusal(aws.get_layer_version_policy, **of) == MISSING
    assert refusal(aws.remove_layer_version_permission, StatementId="s", **of) == MISSING


def shared_library():
    """One of this machine with zlib's functions, which this process has loaded."""
    with open("/proc/self/maps") as maps:
        return pathlib.Path(next(line.split()[-1] for line in maps if "/libz.so" in line)).read_bytes()


@pytest.mark.parametrize("isolation", ["reuse", "call", "snapshot"])
def test_shared_libraries_of_layers_and_of_the_function_are_found(aws, make, isolation):
    library = shared_library()
    layer = publish(aws, "libraries-" + isolation, zip_of({"lib/liblayered.so": library}))["LayerVersionArn"]
    code = """
import ctypes
def handler(event, context):
    return [ctypes.CDLL(name).zlibVersion is not None for name in event]
"""
    files = {"app.py": code, "libbeside.so": library, "lib/libbelow.so": library}
    name = make(files, Layers=[layer], MemorySize=256, Tags={"cloister:isolation": isolation})
    asked = json.dumps(["liblayered.so", "libbeside.so", "libbelow.so"])
    for _ in range(2):
        assert json.loads(aws.invoke(FunctionName=name, Payload=asked)["Payload"].read()) == [True] * 3
    missing = json.loads(aws.invoke(FunctionName=name, Payload='["libnowhere.so"]')["Payload"].read())
    assert missing["errorType"] == "OSError" and "cannot open shared object file" in missing["errorMessage"]


def test_addons_find_the_shared_libraries_of_layers(aws, make):
    layer = publish(aws, "libraries-js", zip_of({"lib/liblayered.so": shared_library()}))["LayerVersionArn"]
    js = """exports.handler = async (name) => {
        try { process.dlopen({exports: {}}, name); } catch (error) { return error.message; }
    };"""
    name = make(js=js, Layers=[layer])
    found, missing = (json.loads(aws.invoke(FunctionName=name, Payload=json.dumps(n))["Payload"].read())
                      for n in ("liblayered.so", "libnowhere.so"))
    # It was opened; an addon would have named itself.
    assert "did not self-register" in found and "cannot open shared object file" in missing
