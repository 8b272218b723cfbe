#!/bin/sh
# The whole path on embedded defaults: reports in, measured X-rays out. `make demo` sets up and runs it.
# Each line that it prints behind a $ can be typed by hand. Interrupted, it goes on when started again.
set -eu

out=${1:-out/demo}
iu=../shared/data/NLMCXR_reports.tgz # real reports (OpenI), where somebody put them
started=$(date +%s)

run() {
    printf '\n$ diffcxr'
    printf ' %s' "$@"
    printf '\n'
    diffcxr "$@"
}

# Worlds 1001 and 1002 share no patient with each other, nor with the one that the embedded model was trained on.
run corpus source=phantom source.rows=1000 source.seed=1001 output="$out/real"
# The reports keep the films they were written of: `generate` reads no film, and the page shows both side by side.
run corpus source=phantom source.rows=256 source.seed=1002 output="$out/reports"
run generate corpus="$out/reports" output="$out/images"
if [ -f "$iu" ]; then
    run corpus source=iu_xray source.root="$iu" source.rows=64 output="$out/iu_reports"
    run generate corpus="$out/iu_reports" output="$out/iu_images"
else
    printf '\nno %s: images from real reports are left out\n' "$iu"
fi
run evaluate real="$out/real" synthetic="$out/images" output="$out/measures"
run downstream real="$out/real" synthetic="$out/images" epochs=12 batch_size=32 output="$out/downstream"
run verify output="$out/images"
run report runs="$out" output="$out/report.html"

printf '\n%s s. The page: %s\n' $(($(date +%s) - started)) "$(cd "$out" && pwd)/report.html"
