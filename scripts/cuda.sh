#!/usr/bin/env bash
# Lays out the parts of NVIDIA's toolkit that building with CUDA needs, from the
# Python package index, in the user's cache folder, and prints where they are:
#
#     scripts/cuda.sh header      the folder of cuda.h (3.5 MB to fetch)
#     scripts/cuda.sh compiler    the folder of bin/nvcc and bin/ptxas (105 MB)
#
# Then: CGO_CFLAGS=-I$(scripts/cuda.sh header) go build -tags cuda ./cmd/steersight
#
# No driver and no GPU is needed. cuda.h is of CUDA 12, the last one that
# gorgonia.org/cu compiles with. Needs python3 with pip, on x86-64 Linux.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/steersight

# install NAME PART: the packages on standard input, unless they are there.
install() {
	local target=$cache/$1 work
	if [[ ! -d $target ]]; then
		mkdir -p "$cache"
		work=$(mktemp -d "$cache/.cuda.XXXXXX")
		python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes \
			--requirement /dev/stdin --target "$work" >&2
		mv -T "$work" "$target" || rm -rf "$work"
		echo "cuda.sh: laid out $target" >&2
	fi
	echo "$target/$2"
}

case ${1-} in
header)
	install cuda-header-12.9 nvidia/cuda_runtime/include <<-EOF
		nvidia-cuda-runtime-cu12==12.9.79 --hash=sha256:25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3
	EOF
	;;
compiler)
	install cuda-compiler-13.0 nvidia/cu13 <<-EOF
		nvidia-cuda-nvcc==13.0.88 --hash=sha256:56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03
		nvidia-nvvm==13.0.88 --hash=sha256:c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0
		nvidia-cuda-crt==13.0.88 --hash=sha256:2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4
		nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
		nvidia-cuda-cccl==13.0.85 --hash=sha256:e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649
	EOF
	;;
*)
	echo "usage: scripts/cuda.sh header|compiler" >&2
	exit 2
	;;
esac
