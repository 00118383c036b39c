"""An FTP server of a folder: `serve_ftp.py PORT FOLDER`. `user`, `password` may write, `reader`, `password` not."""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import ThreadedFTPServer


def main(port, folder):
    authorizer = DummyAuthorizer()
    authorizer.add_user("user", "password", folder, perm="elradfmwMT")
    authorizer.add_user("reader", "password", folder, perm="elr")
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer})
    ThreadedFTPServer(("127.0.0.1", int(port)), handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
