#!/usr/bin/env bash
# Runs the commands of README's quick start, but for the tests, as a new user would, and looks for what README says they print.
set -euo pipefail
cd "$(dirname "$0")/.."

commands=$(awk '/^```sh$/ { inside = 1; next } /^```$/ && inside { exit } inside' README.md | grep -v '^go test')
expected=$(awk '/^```$/ && ++fences == 2 { inside = 1; next } /^```$/ && inside { exit } inside' README.md)
[ -n "$commands" ] && [ -n "$expected" ] || { echo "README has no quick start" >&2; exit 1; }

printed=$(bash -euo pipefail -c "$commands")
case "$printed" in
"$expected"*) ;;
*)
	printf 'README shows\n%s\nbut the quick start prints\n%s\n' "$expected" "$(printf '%s\n' "$printed" | head -20)" >&2
	exit 1
	;;
esac
