"""qdrant.py DIR [PORT]: Qdrant's engine with a REST API like its server's, for tests, until it is killed.

Everything is kept in DIR; it may be started again there. The engine is the one in the wheel `qdrant-edge-py`, one shard for
each collection. Only what Floopy asks for is known, and anything else in a request is refused. With QDRANT_API_KEY set,
whoever does not show it is turned away.
"""

import ctypes
import http.server
import json
import os
import re
import signal
import sys
import threading
import urllib.parse

try:
    import qdrant_edge as edge
except ImportError:
    sys.exit("qdrant.py: the wheel qdrant-edge-py is missing; run deploy/setup/setup.sh test")

KINDS = {"keyword": edge.PayloadSchemaType.Keyword, "integer": edge.PayloadSchemaType.Integer}


class Refused(Exception):
    """What is asked cannot be done; a status and the reason."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


def only(asked, *known):
    """The fields of a request, in this order; any other one is refused, as are those that are missing."""
    if set(asked) != set(known):
        raise Refused(400, f"Format error in JSON body: {sorted(set(asked) ^ set(known))}")
    return [asked[name] for name in known]


def condition(asked):
    if "match" in asked:
        key, match = only(asked, "key", "match")
        (value,) = only(match, "value")
        return edge.FieldCondition(key, match=edge.MatchValue(value))
    key, bounds = only(asked, "key", "range")
    return edge.FieldCondition(key, range=edge.RangeFloat(**bounds))


def read_filter(asked):
    (must,) = only(asked, "must")
    return edge.Filter(must=[condition(one) for one in must])


class Collection:
    """A shard, and what its server knows of it."""

    def __init__(self, folder, made=None):
        self.about = os.path.join(folder, "about.json")
        shard = os.path.join(folder, "shard")
        if made is None:
            with open(self.about, encoding="utf-8") as file:
                self.config = json.load(file)
            self.shard = edge.EdgeShard.load(shard)
        else:
            os.makedirs(shard)
            self.config = made
            vectors = edge.EdgeVectorParams(size=made["vectors"]["size"], distance=getattr(edge.Distance, made["vectors"]["distance"]))
            self.shard = edge.EdgeShard.create(shard, edge.EdgeConfig(vectors=vectors))
            with open(self.about, "w", encoding="utf-8") as file:
                json.dump(made, file)

    def describe(self, _):
        params = {"vectors": self.config["vectors"], "on_disk_payload": self.config["on_disk_payload"]}
        return {"status": "green", "points_count": self.shard.info().points_count, "config": {"params": params}}

    def index(self, asked):
        name, schema = only(asked, "field_name", "field_schema")
        if isinstance(schema, dict):
            kind, is_tenant = only(schema, "type", "is_tenant")
            if kind != "keyword":
                raise Refused(400, f"Wrong input: {kind} cannot name a tenant")
            schema = edge.KeywordIndexParams(is_tenant=is_tenant)
        else:
            schema = KINDS[schema]
        return self.update(edge.UpdateOperation.create_field_index(name, schema))

    def upsert(self, asked):
        (points,) = only(asked, "points")
        made = []
        for point in points:
            name, vector, payload = only(point, "id", "vector", "payload")
            if len(vector) != self.config["vectors"]["size"]:
                raise Refused(400, f"Wrong input: Vector dimension error: expected dim: 64, got {len(vector)}")
            made.append(edge.Point(name, vector, payload))
        return self.update(edge.UpdateOperation.upsert_points(made))

    def query(self, asked):
        vector, where, limit, least, payload = only(asked, "query", "filter", "limit", "score_threshold", "with_payload")
        found = self.shard.query(
            edge.QueryRequest(
                limit=limit,
                query=edge.Query.Nearest(vector),
                filter=read_filter(where),
                score_threshold=least,
                with_payload=edge.PayloadSelector.Include(payload),
            )
        )
        return {"points": [{"id": str(p.id), "version": p.version, "score": p.score, "payload": p.payload} for p in found]}

    def retrieve(self, asked):
        ids, payload = only(asked, "ids", "with_payload")
        found = self.shard.retrieve(ids, edge.PayloadSelector.Include(payload), False)
        return [{"id": str(p.id), "payload": p.payload} for p in found]

    def scroll(self, asked):
        (limit,) = only(asked, "limit")
        found, _ = self.shard.scroll(edge.ScrollRequest(limit=limit, with_payload=True, with_vector=False))
        return {"points": [{"id": str(p.id), "payload": p.payload} for p in found], "next_page_offset": None}

    def delete(self, asked):
        (where,) = only(asked, "filter")
        return self.update(edge.UpdateOperation.delete_points_by_filter(read_filter(where)))

    def count(self, asked):
        (exact,) = only(asked, "exact")
        return {"count": self.shard.count(edge.CountRequest(exact=exact))}

    def update(self, operation):
        self.shard.update(operation)
        return {"operation_id": 0, "status": "completed"}


ROUTES = {
    ("GET", ""): Collection.describe,
    ("PUT", "/index"): Collection.index,
    ("PUT", "/points"): Collection.upsert,
    ("POST", "/points"): Collection.retrieve,
    ("POST", "/points/query"): Collection.query,
    ("POST", "/points/scroll"): Collection.scroll,
    ("POST", "/points/delete"): Collection.delete,
    ("POST", "/points/count"): Collection.count,
}


class Engine:
    """All collections; one question at a time."""

    def __init__(self, folder):
        self.folder, self.lock = folder, threading.Lock()
        os.makedirs(folder, exist_ok=True)
        self.collections = {name: Collection(os.path.join(folder, name)) for name in os.listdir(folder)}

    def answer(self, method, path, asked):
        found = re.fullmatch(r"/collections/([\w-]+)(/.*)?", path)
        if not found:
            raise Refused(404, "")
        name, rest = found[1], found[2] or ""
        with self.lock:
            if (method, rest) == ("PUT", ""):
                return self.make(name, asked)
            if name not in self.collections:
                raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
            route = ROUTES.get((method, rest))
            if not route:
                raise Refused(404, "")
            return route(self.collections[name], asked)

    def make(self, name, asked):
        only(asked, "vectors", "hnsw_config", "on_disk_payload")
        if name in self.collections:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        self.collections[name] = Collection(os.path.join(self.folder, name), asked)
        return True


class Handler(http.server.BaseHTTPRequestHandler):
    """The REST API."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nobody reads it."""

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = os.environ.get("QDRANT_API_KEY")
        if key and self.headers.get("api-key") != key:
            self.answer(401, {"status": {"error": "Must provide an API key or an Authorization bearer token"}})
            return
        path = urllib.parse.urlsplit(self.path).path
        try:
            result = self.server.engine.answer(self.command, path, json.loads(body) if body else {})
            self.answer(200, {"result": result, "status": "ok", "time": 0.0})
        except Refused as refused:
            self.answer(refused.status, {"status": {"error": str(refused)}, "time": 0.0})
        except Exception as failed:  # noqa: BLE001: as its server does
            self.answer(500, {"status": {"error": f"Service internal error: {failed}"}, "time": 0.0})

    do_GET = do_PUT = do_POST = serve

    def answer(self, status, said):
        said = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


class Server(http.server.ThreadingHTTPServer):
    """One thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """Clients may leave."""


def main(folder, port=0):
    # Gone with whoever started it.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    server = Server(("127.0.0.1", port), Handler)
    server.engine = Engine(os.path.join(folder, "collections"))
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
