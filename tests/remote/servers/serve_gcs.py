"""The GCS emulator of PyPI, with threads, and with the preconditions that it ignores: `serve_gcs.py PORT BUCKET`.

Real GCS answers 412 when ifGenerationMatch and its kin do not hold; the emulator overwrites.
"""

import functools
import http.server
import sys
import threading
import urllib.parse
from http import HTTPStatus

from gcp_storage_emulator import server

CONDITIONS = {"ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch"}
MESSAGE = "At least one of the pre-conditions you specified did not hold."
LOCK = threading.RLock()


def main(port, bucket):
    server.urlparse = urllib.parse.urlsplit  # urlparse cuts a name at its last semicolon
    server.HANDLERS = tuple(
        (pattern, {verb: _checked(handler) for verb, handler in handlers.items()})
        for pattern, handlers in server.HANDLERS
    )
    server.objects.insert = _checked(server.objects.insert)  # one route calls it by its name
    storage = server.create_server("127.0.0.1", 0, in_memory=True, default_bucket=bucket)._storage
    handler = functools.partial(server.RequestHandler, storage)
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
    listener.daemon_threads = True
    listener.serve_forever()


def _checked(handler):
    if not handler.__module__.endswith(".objects"):
        return handler

    def handle(request, response, storage, *rest, **options):
        with LOCK:
            if CONDITIONS & request.query.keys() and not _holds(handler.__name__, request, storage):
                response.status = HTTPStatus.PRECONDITION_FAILED
                reason = {"message": MESSAGE, "domain": "global", "reason": "conditionNotMet"}
                return response.json({"error": {"code": 412, "message": MESSAGE, "errors": [reason]}})
            return handler(request, response, storage, *rest, **options)

    return handle


def _holds(name, request, storage):
    try:
        found = storage.get_file_obj(*_target(name, request))
    except Exception:  # the emulator's errors for a missing bucket or object
        found = {}
    generation, metageneration = int(found.get("generation", 0)), int(found.get("metageneration", 1))
    tests = {
        "ifGenerationMatch": lambda wanted: wanted == generation,
        "ifGenerationNotMatch": lambda wanted: wanted != generation,
        "ifMetagenerationMatch": lambda wanted: wanted == metageneration,
    }
    return all(tests[key](int(values[0])) for key, values in request.query.items() if key in tests)


def _target(name, request):
    if name in {"copy", "rewrite"}:
        return request.params.get("dest_bucket_name"), request.params.get("dest_object_id")
    if name != "insert":
        return request.params.get("bucket_name"), request.params.get("object_id")
    given = (request.query.get("name") or [None])[0]
    if given is None and isinstance(request.data, dict):
        given = (request.data.get("meta") or request.data).get("name")
    return request.params.get("bucket_name"), given


if __name__ == "__main__":
    main(*sys.argv[1:])
