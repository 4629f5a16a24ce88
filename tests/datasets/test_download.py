"""Downloads that are cut off, from a server on this machine."""

import hashlib
import http.server
import threading
from types import SimpleNamespace

import pytest

from stn_lesson.datasets.download import CHUNK, DownloadError, download
from stn_lesson.files import FileBusyError, FileError, locked

CONTENT = bytes(k * k % 251 for k in range(300_000))
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one file, as its class says: from where, how often cut off, with what headers."""

    content, cuts, ranges, encoding, asked = CONTENT, 0, True, None, ()

    def do_GET(self):
        wanted = self.headers.get("Range") if self.ranges else None
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        type(self).asked = (*self.asked, wanted)
        if self.path != "/file" or start >= len(self.content):
            return self.send_error(416 if self.path == "/file" else 404)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        if self.encoding:
            self.send_header("Content-Encoding", self.encoding)
        self.end_headers()
        end = start + 2 * CHUNK if len(self.asked) <= self.cuts else len(self.content)
        self.wfile.write(self.content[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """A server of its own for each test; set what it does as attributes of `server.does`."""
    does = type("Does", (Server,), {})
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), does)
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{listening.server_port}"
    yield SimpleNamespace(does=does, url=f"{address}/file", elsewhere=f"{address}/nothing")
    listening.shutdown()
    listening.server_close()


def test_a_download_cut_off_twice_goes_on_where_it_stopped(server, tmp_path):
    server.does.cuts = 2
    path = download([server.url], tmp_path / "new" / "file", checksum=SHA256, size=len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert server.does.asked == (None, f"bytes={2 * CHUNK}-", f"bytes={4 * CHUNK}-")
    assert [file.name for file in path.parent.iterdir()] == ["file"]
    assert download([server.elsewhere], path) == path  # what is there is not fetched again


def test_what_an_earlier_run_has_fetched_is_gone_on_with(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:250_000])
    path = download([server.elsewhere, server.url], tmp_path / "file", checksum=SHA256)
    assert path.read_bytes() == CONTENT and server.does.asked[1:] == ("bytes=250000-",)


def test_a_part_that_was_whole_is_checked_and_gets_its_name(server, tmp_path):
    for size in (None, len(CONTENT)):
        (tmp_path / "file.part").write_bytes(CONTENT)
        path = download([server.url], tmp_path / "file", checksum=SHA256, size=size)
        assert path.read_bytes() == CONTENT
        path.unlink()
    assert len(server.does.asked) == 1  # with a size, nobody need be asked


def test_a_server_that_knows_no_ranges_begins_again(server, tmp_path):
    server.does.ranges = False
    (tmp_path / "file.part").write_bytes(b"something else")
    assert download([server.url], tmp_path / "file", checksum=SHA256).read_bytes() == CONTENT


def test_a_packed_file_stays_packed(server, tmp_path):
    server.does.encoding = "gzip"
    assert download([server.url], tmp_path / "file", checksum=SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "expected", [{"checksum": "md5:00"}, {"size": len(CONTENT) - 1}, {"checksum": "sha256:"}]
)
def test_a_wrong_file_leaves_nothing(server, tmp_path, expected):
    with pytest.raises(
        DownloadError, match=r"(?s)file could not be .* (what came is|has) another file"
    ):
        download([server.url], tmp_path / "file", **expected)
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_brings_nothing_new_ends_it_and_what_came_is_kept(server, tmp_path):
    server.does.cuts = 10
    server.does.ranges = False
    with pytest.raises(DownloadError, match=r"131,072 bytes have come: run it again to go on"):
        download([server.url], tmp_path / "file", size=len(CONTENT))
    assert (tmp_path / "file.part").read_bytes() == CONTENT[: 2 * CHUNK]


def test_a_disk_too_small_is_told_before_the_first_byte(server, tmp_path, monkeypatch):
    usage = SimpleNamespace(free=250_000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(FileError, match=r"file needs 0\.3 MB in .*0\.2 MB are free: make room"):
        download([server.url], tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file.part").write_bytes(CONTENT[:100_000])  # for the rest there is room
    assert download([server.url], tmp_path / "file").read_bytes() == CONTENT


def test_two_do_not_fetch_the_same_file_at_once(server, tmp_path, monkeypatch):
    monkeypatch.setattr("stn_lesson.datasets.download.WRITING_TIME", 0)
    told = []

    def fetch():
        try:
            download([server.url], tmp_path / "file")
        except FileBusyError as error:
            told.append(error)

    with locked(tmp_path / "file"):
        other = threading.Thread(target=fetch)
        other.start()
        other.join()
    assert len(told) == 1 and server.does.asked == ()


def test_another_file_at_an_address_leaves_what_has_come_and_the_next_is_asked(server, tmp_path):
    size = 2 * len(CONTENT)  # as if this server had a login page in the place of the file
    (tmp_path / "file.part").write_bytes(b"begun")
    server.does.ranges = False
    with pytest.raises(DownloadError, match="of 300,000 bytes instead of 600,000"):
        download([server.url], tmp_path / "file", size=size)
    assert (tmp_path / "file.part").read_bytes() == b"begun"


def test_an_address_that_brings_nothing_is_told_and_the_next_is_asked(server, tmp_path):
    server.does.content = b""
    with pytest.raises(DownloadError, match="brought nothing"):
        download([server.url], tmp_path / "file")
    assert not list(tmp_path.iterdir())
