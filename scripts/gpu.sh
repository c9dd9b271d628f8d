#!/usr/bin/env bash
# Verifies and measures the CUDA side on a machine with a GPU:
#
#     scripts/gpu.sh              here
#     scripts/gpu.sh build DIR    lays out DIR/run.sh, to be run on a machine without Go
#
# Needs cuBLAS beside the driver.
set -euo pipefail
cd "$(dirname "$0")/.."

export CGO_CFLAGS="-I$(scripts/cuda.sh header)"

case ${1-} in
'') target=$(mktemp -d) && trap 'rm -rf "$target"' EXIT ;;
build) mkdir -p "$2" && target=$(cd "$2" && pwd) ;;
*) echo "usage: scripts/gpu.sh [build DIR]" >&2 && exit 2 ;;
esac
go test -c -tags cuda -o "$target/gpu.test" ./gpu
go test -c -tags cuda -o "$target/cuda.test" ./gpu/internal/cuda
cat >"$target/run.sh" <<'EOF'
#!/bin/sh
cd "$(dirname "$0")"
export STEERSIGHT_GPU=required
for test in cuda gpu; do
	./$test.test -test.v -test.timeout 2h -test.run 'Device|Screen|Memory' -test.bench 'Device|Stages' -test.benchtime 20x || exit
done
EOF
chmod +x "$target/run.sh"
[ $# -gt 0 ] || "$target/run.sh"
