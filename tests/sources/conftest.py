"""Places far away, on this machine: a bucket of an S3 server in a thread, and fsspec's memory."""

from __future__ import annotations

import logging

import fsspec
import pyarrow.fs
import pytest


@pytest.fixture(scope="session")
def s3():
    """A bucket: `uri(path)` names a file or folder in it, and `write(path, bytes)` puts one there."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}.items():
            patch.setenv(name, value)
        server.start()
        bucket = Bucket("{}:{}".format(*server.get_host_and_port()))
        yield bucket
        server.stop()


class Bucket:
    def __init__(self, server):
        self.query = f"endpoint_override={server}&scheme=http&region=us-east-1&allow_bucket_creation=true"
        self.system, _ = pyarrow.fs.FileSystem.from_uri(self.uri(""))
        self.system.create_dir("bucket")

    def uri(self, path):
        return f"s3://bucket/{path}?{self.query}"

    def write(self, path, data):
        with self.system.open_output_stream(f"bucket/{path}", compression=None) as stream:
            stream.write(data)

    def delete(self, path):
        self.system.delete_file(f"bucket/{path}")


@pytest.fixture
def memory():
    """fsspec's memory, emptied afterwards: `write(path, bytes)` puts a file there."""
    system = fsspec.filesystem("memory")
    yield system.pipe_file
    system.store.clear()
    system.pseudo_dirs[:] = [""]
