#!/usr/bin/env bash
# Compiles gpu/internal/cuda/kernels.cu to the kernels.ptx beside it, and has
# the assembler check it for every architecture since Ampere, without spills.
set -euo pipefail
cd "$(dirname "$0")/.."

compiler=$(scripts/cuda.sh compiler)
kernels=gpu/internal/cuda/kernels
"$compiler/bin/nvcc" -O3 -std=c++17 -fmad=false -ptx -arch=compute_80 -o $kernels.ptx $kernels.cu
# The compiler writes the newest version of PTX, which only the newest drivers
# read. The kernels need nothing beyond 7.8 (CUDA 11.8).
sed -i 's/^\.version .*/.version 7.8/' $kernels.ptx
if grep -nE 'approx|ftz' $kernels.ptx; then
	echo "ptx.sh: some of these operations are not rounded exactly" >&2
	exit 1
fi
for architecture in 80 86 89 90 100 120; do
	"$compiler/bin/ptxas" --warn-on-local-memory-usage --warn-on-spills --warning-as-error -arch=sm_$architecture -o /dev/null $kernels.ptx
done
