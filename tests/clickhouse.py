"""clickhouse.py DIR [PORT]: ClickHouse's engine with an HTTP interface like its server's, for tests, until it is killed.

Everything is kept in DIR; it may be started again there, and listens at the same port, which it writes to DIR/port once it
answers. The engine is the one in the wheel `chdb-core`: a query is handed to it as it came. Databases are made when they
are first named.
"""

import ctypes
import glob
import http.server
import importlib.util
import os
import re
import signal
import sys
import tempfile
import threading
import urllib.parse

# Of the query string; everything else there is a setting.
NO_SETTINGS = {"query", "database", "default_format", "compress", "decompress", "user", "password", "role", "query_id"}


class Engine:
    """The engine; queries may have any bytes in them."""

    def __init__(self, folder):
        # The package itself wants libraries for data frames, the engine in it does not.
        spec = importlib.util.find_spec("chdb")
        places = list(spec.submodule_search_locations) if spec else []
        found = [lib for place in places for lib in glob.glob(os.path.join(place, "_chdb*.so"))]
        if not found:
            sys.exit("clickhouse.py: the wheel chdb-core is missing; run deploy/setup/setup.sh test")
        spec = importlib.util.spec_from_file_location("_chdb", found[0])
        self.library = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.library)
        self.folder, self.held = folder, threading.local()
        # As long as there is a connection there is an engine.
        self.first = self.library.connect(folder)

    def run(self, query, form="TabSeparated"):
        """On this thread's own connection."""
        if not hasattr(self.held, "connection"):
            self.held.connection = self.library.connect(self.folder)
        return self.held.connection.query(query, form).bytes()

    def insert(self, query, rows):
        """From a file: what follows a query ends for the engine where a line is empty, and so may bytes be."""
        into, form = re.fullmatch(r"\s*(.+?)\s+FORMAT\s+(\w+)\s*", query, re.DOTALL).groups()
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(self.folder)) as file:
            file.write(rows)
            file.flush()
            return self.run(f"{into} SELECT * FROM file('{file.name}', {form})")

    def use(self, database):
        if getattr(self.held, "database", None) != database:
            self.run(f"CREATE DATABASE IF NOT EXISTS {database}")
            self.run(f"USE {database}")
            self.held.database = database


class Handler(http.server.BaseHTTPRequestHandler):
    """The HTTP interface: a query, and the rows that it inserts as they came."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nobody reads it."""

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path == "/ping":
            self.answer(200, b"Ok.\n")
        else:
            self.do_POST()

    def do_POST(self):
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
        try:
            body = self.body()
        except (ValueError, OSError):
            # Whoever asked has left; what is not whole is not done.
            self.close_connection = True
            return
        query = asked.get("query", "")
        engine = self.server.engine
        try:
            engine.use(asked.get("database", "default"))
            for name, value in asked.items():
                if name not in NO_SETTINGS and re.fullmatch(r"\w+", name):
                    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
                    engine.run(f"SET {name} = '{quoted}'")
            form = asked.get("default_format", "TabSeparated")
            self.answer(200, engine.insert(query, body) if query and body else engine.run(query or body, form))
        except RuntimeError as failed:
            code = re.search(r"Code: (\d+)", str(failed))
            self.answer(500, str(failed).encode(), code[1] if code else "1002")

    def answer(self, status, body, code=None):
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    """One thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """Clients may leave."""


def main(folder, port=0):
    # Gone with whoever started it.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    told = os.path.join(folder, "port")
    if not port and os.path.exists(told):
        with open(told, encoding="ascii") as file:
            port = int(file.read())
    server = Server(("127.0.0.1", port), Handler)
    server.engine = Engine(os.path.join(folder, "data"))
    server.engine.run("SELECT 1")
    with open(told + ".new", "w", encoding="ascii") as file:
        file.write(str(server.server_address[1]))
    os.replace(told + ".new", told)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
