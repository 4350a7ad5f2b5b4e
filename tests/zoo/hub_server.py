"""The Hugging Face Hub, as far as huggingface_hub asks it for what a model folder needs: in memory, on this machine.

Repositories hold files by revision. A token that is not ``"good"`` may read public ones only.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Hub:
    """What the server knows.

    Attributes:
        repositories: ``{owner/name: {branch: commit}}``.
        commits: files by commit.
        gated: repositories whose owner wants to be asked.
        asked: method and path of every request.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, str]] = {}
        self.commits: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.asked: list[str] = []

    def commit(self, repository: str, branch: str, files: dict[str, bytes], without: tuple[str, ...] = ()) -> str:
        """Add files to a branch, and remove some."""
        branches = self.repositories.setdefault(repository, {})
        before = self.commits.get(branches.get(branch, ""), {})
        whole = {name: data for name, data in before.items() if name not in without} | files
        told = json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in sorted(whole.items())})
        branches[branch] = hashlib.sha1(told.encode()).hexdigest()
        self.commits[branches[branch]] = whole
        return branches[branch]

    def find(self, repository: str, revision: str) -> str | None:
        """The commit of a branch, or itself."""
        branches = self.repositories.get(repository, {})
        return branches.get(revision) or (revision if revision in branches.values() else None)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def _send(self, status: int, content: Any = b"", **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    @property
    def _may_write(self) -> bool:
        return self.headers.get("Authorization") == "Bearer good"

    def do_HEAD(self) -> None:
        """As GET."""
        self.do_GET()

    def do_GET(self) -> None:
        """What is known of a repository, and its files."""
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(?:revision|tree)/(.+)", path):
            return self._about(*found.groups())
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._file(*found.groups())
        return self._send(404)

    def _about(self, repository: str, revision: str) -> None:
        if repository not in self.hub.repositories:
            return self._send(404, X_Error_Code="RepoNotFound")
        if repository in self.hub.gated and not self._may_write:
            return self._send(403, X_Error_Code="GatedRepo")
        commit = self.hub.find(repository, revision)
        if commit is None:
            return self._send(404, X_Error_Code="RevisionNotFound")
        files = self.hub.commits[commit]
        if "/tree/" in self.path:
            return self._send(
                200,
                [
                    {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                    for name, data in files.items()
                ],
            )
        siblings = [{"rfilename": name} for name in files]
        return self._send(200, {"id": repository, "sha": commit, "siblings": siblings, "private": False})

    def _file(self, repository: str, revision: str, name: str) -> None:
        commit = self.hub.find(repository, revision)
        data = self.hub.commits.get(commit or "", {}).get(name)
        if commit is None or data is None:
            return self._send(404, X_Error_Code="EntryNotFound")
        return self._send(200, data, ETag=f'"{hashlib.sha1(data).hexdigest()}"', X_Repo_Commit=commit)

    def do_POST(self) -> None:
        """Repositories, branches and commits."""
        path, body = unquote(urlsplit(self.path).path), self._body()
        self.hub.asked.append(f"POST {path}")
        if path == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        if not self._may_write:
            return self._send(401, {"error": "Invalid credentials"})
        if path == "/api/repos/create":
            told = json.loads(body)
            name = f"{told.get('organization') or 'somebody'}/{told['name'].split('/')[-1]}"
            exists = name in self.hub.repositories
            if not exists:
                self.hub.commit(name, "main", {".gitattributes": b""})
            return self._send(409 if exists else 200, {"url": f"{self._own}/{name}", "id": name})
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/branch/(.+)", path):
            repository, branch = found.groups()
            branches = self.hub.repositories[repository]
            exists = branch in branches
            branches.setdefault(branch, branches["main"])
            return self._send(409 if exists else 200, {})
        if re.fullmatch(r"/api/models/[^/]+/[^/]+/preupload/.+", path):
            files = [{"path": each["path"], "uploadMode": "regular"} for each in json.loads(body)["files"]]
            return self._send(200, {"files": [each | {"shouldIgnore": False, "oid": None} for each in files]})
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/(.+)", path):
            return self._take(*found.groups(), body)
        return self._send(404)

    def _take(self, repository: str, branch: str, body: bytes) -> None:
        lines = [json.loads(line) for line in body.decode().splitlines() if line]
        values = [line["value"] for line in lines if line["key"] == "file"]
        files = {value["path"]: base64.b64decode(value["content"]) for value in values}
        without = tuple(line["value"]["path"] for line in lines if line["key"] == "deletedFile")
        commit = self.hub.commit(repository, branch, files, without)
        self._send(
            200, {"commitUrl": f"{self._own}/{repository}/commit/{commit}", "commitOid": commit, "success": True}
        )

    @property
    def _own(self) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}"


@contextlib.contextmanager
def serving() -> Iterator[tuple[Hub, str]]:
    """A hub, and its address."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
