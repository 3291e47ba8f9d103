#!/bin/sh
# Gets the release of Path of Building that TAG names into /pob (or INTO), if it is COMMIT. Runs in the init container.
set -eu
target=${INTO:-/pob}/PathOfBuilding
# An attempt before this one may have left something.
rm -rf "$target"
git -c advice.detachedHead=false clone --quiet --depth 1 --branch "$TAG" "$REPOSITORY" "$target"
found=$(git -C "$target" rev-parse HEAD)
if [ "$found" != "$COMMIT" ]; then
    rm -rf "$target"
    echo "$TAG of $REPOSITORY is commit $found, expected was '$COMMIT' (COMMIT of the init container)" >&2
    exit 1
fi
# The history is half of it, and nobody reads it.
rm -rf "$target/.git"
echo "Path of Building $TAG, commit $found"
