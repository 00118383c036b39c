"""An HTTP server of a folder, with etags, ranges and listings, as nginx has them: `serve_http.py PORT FOLDER`."""

import sys

from aiohttp import web


def main(port, folder):
    application = web.Application()
    application.add_routes([web.static("/", folder, show_index=True)])
    web.run_app(application, host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
