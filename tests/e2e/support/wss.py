"""WebSockets over TLS.

The synchronous client of `websockets` reads and writes one TLS socket in two threads. Of a few hundred handshakes, one never
gets its response then, whichever server it is; with one thread, none of five thousand failed. So a handshake has three tries.
"""

from websockets.exceptions import InvalidMessage
from websockets.sync.client import connect as try_to_connect


def connect(url, **options):
    """What `websockets.sync.client.connect` returns."""
    for _ in range(2):
        try:
            return try_to_connect(url, open_timeout=3, **options)
        except (TimeoutError, InvalidMessage):
            pass
    return try_to_connect(url, **options)
