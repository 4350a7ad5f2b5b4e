#!/usr/bin/env bash
# etils 1.15: epath.Path("s3://...").walk() ends with a TypeError on any folder.
#
# etils hands fsspec max_depth=None, which fsspec calls maxdepth; it goes on as an argument of the listing, and that of s3fs takes no
# such one. Nothing is asked of a server before that. iterdir and glob work; glob refuses "**".
#
# Seen with etils 1.15.0, fsspec 2026.9.0, s3fs 2026.9.0 on Python 3.11, output:
#     TypeError: S3FileSystem._ls() got an unexpected keyword argument 'max_depth'
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "etils[epath]==1.15.0" fsspec==2026.9.0 s3fs==2026.9.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' | tee told.txt
from etils import epath

try:
    print(list(epath.Path("s3://bucket/photos").walk()))
except TypeError as error:
    print(f"TypeError: {error}")
PYTHON
diff told.txt - <<'WANTED'
TypeError: S3FileSystem._ls() got an unexpected keyword argument 'max_depth'
WANTED
echo "as stated"
