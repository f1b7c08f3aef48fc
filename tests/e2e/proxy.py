"""Stands for the Docker daemon on a socket of its own, and can die as a daemon does.

`python proxy.py OWN REAL [OLD NEW]`: in what is asked of it, OLD is replaced by NEW, of the same length.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REAL = Path("/var/run/docker.sock")


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, old: bytes, new: bytes) -> None:
    """Hands bytes on until one side has no more."""
    try:
        while data := await reader.read(65536):
            writer.write(data.replace(old, new) if old else data)
            await writer.drain()
    finally:
        writer.close()


async def main(own: str, real: str, old: str = "", new: str = "") -> None:
    """Serves until killed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(real)
        await asyncio.gather(
            pump(reader, up_writer, old.encode(), new.encode()),
            pump(up_reader, writer, b"", b""),
            return_exceptions=True,
        )

    server = await asyncio.start_unix_server(serve, own)
    print("up", flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def standing_for_docker(address: Path, *replaced: str) -> Iterator[subprocess.Popen[str]]:
    """The proxy as a process; killed at the end, and by whoever wants Docker to die."""
    argv = [sys.executable, __file__, str(address), str(REAL), *replaced]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
