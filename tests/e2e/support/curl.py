"""curl, the client that most people have."""

import subprocess

from support.http1 import Fields, Response


def curl(*arguments: str) -> Response:
    """Runs curl and returns its final answer as it printed it."""
    command = ["curl", "--disable", "--silent", "--show-error", "--include", "--max-time", "10", *arguments]
    output = subprocess.run(command, capture_output=True, check=True, timeout=15).stdout
    interim = []
    while True:
        head, _, output = output.partition(b"\r\n\r\n")
        status_line, *lines = head.split(b"\r\n")
        response = Response(status_line.decode("latin-1"), Fields.parse(lines), output, interim=interim)
        if response.status >= 200:
            return response
        interim.append(response)
