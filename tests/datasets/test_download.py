"""Downloads that are cut off, from a server on this machine."""

import hashlib
import http.server
import threading
from types import SimpleNamespace

import pytest

from stn_lesson.datasets.download import CHUNK, DownloadError, download, missing_bytes
from stn_lesson.files import FileBusyError, FileError, locked

CONTENT = bytes(k * k % 251 for k in range(300_000))
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one file, as its class says: from where, how often cut off, with what headers."""

    content, cuts, ranges, encoding, asked = CONTENT, 0, True, None, ()
    at_once = None  # how many bytes it gives to one who asks for a range
    headers_said = {}  # noqa: RUF012  # in the place of those that are true; None leaves one out

    def do_GET(self):
        wanted = self.headers.get("Range") if self.ranges else None
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        type(self).asked = (*self.asked, wanted)
        if self.path != "/file":
            return self.send_error(404)
        whole, nothing = len(self.content), start >= len(self.content)
        end = min(start + self.at_once, whole) if wanted and self.at_once else whole
        headers = {"Content-Length": str(0 if nothing else end - start)}
        if wanted:
            extent = "*" if nothing else f"{start}-{end - 1}"
            headers["Content-Range"] = f"bytes {extent}/{whole}"
        self.send_response(416 if nothing else 206 if wanted else 200)
        for name, value in (headers | self.headers_said).items():
            if value is not None:
                self.send_header(name, value)
        if self.encoding:
            self.send_header("Content-Encoding", self.encoding)
        self.end_headers()
        if len(self.asked) <= self.cuts:
            end = start + 2 * CHUNK
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


@pytest.mark.parametrize(
    "begun",
    [b"x" * len(CONTENT), b"an older version", b"x" * (len(CONTENT) + 1)],
    ids=["as long as it", "shorter", "longer"],
)
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_what_was_begun_of_another_file_is_thrown_away_and_all_is_fetched(
    server, tmp_path, begun, size
):
    (tmp_path / "file.part").write_bytes(begun)
    path = download([server.url], tmp_path / "file", checksum=SHA256, size=size)
    assert path.read_bytes() == CONTENT and server.does.asked[-1] is None
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_an_address_is_blamed_when_its_file_is_wrong_from_the_first_byte(server, tmp_path):
    (tmp_path / "file.part").write_bytes(b"begun")
    with pytest.raises(DownloadError, match="what came is another file"):
        download([server.url], tmp_path / "file", checksum="md5:00")
    assert server.does.asked == ("bytes=5-", None) and not list(tmp_path.iterdir())


def test_without_a_checksum_the_servers_length_tells_that_a_part_is_of_another_file(
    server, tmp_path
):
    (tmp_path / "file.part").write_bytes(CONTENT + b"and more")
    assert download([server.url], tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("length", ["many", "-5", "9" * 5000, None])
def test_a_length_that_is_no_number_is_as_good_as_not_told(server, tmp_path, length):
    server.does.headers_said = {"Content-Length": length}
    path = download([server.url], tmp_path / "file", checksum=SHA256, size=len(CONTENT))
    assert path.read_bytes() == CONTENT


def test_two_lengths_at_once_are_told(server, tmp_path):
    server.does.headers_said = {"Content-Length": "5, 6"}
    with pytest.raises(DownloadError, match=r"InvalidHeader: Content-Length contained multiple"):
        download([server.url], tmp_path / "file")


@pytest.mark.parametrize("begun", [0, 100])
def test_what_is_longer_than_the_file_is_not_kept(server, tmp_path, begun):
    server.does.headers_said = {"Content-Length": None, "Content-Range": None}
    if begun:
        (tmp_path / "file.part").write_bytes(CONTENT[:begun])
    with pytest.raises(DownloadError, match=r"sends more than the 200,000 bytes of this file"):
        download([server.url], tmp_path / "file", size=200_000)
    kept = [file.read_bytes() for file in tmp_path.iterdir()]
    assert kept == ([CONTENT[:begun]] if begun else [])


@pytest.mark.parametrize("extent", ["bytes 7-299999/300000", "bytes 150000-299999/*"])
def test_a_range_that_was_not_asked_for_is_not_appended(server, tmp_path, extent):
    server.does.headers_said = {"Content-Range": extent}
    (tmp_path / "file.part").write_bytes(CONTENT[:100_000])
    path = download([server.url], tmp_path / "file", size=len(CONTENT))
    assert path.read_bytes() == CONTENT and server.does.asked == ("bytes=100000-", None)


def test_a_range_of_another_file_leaves_what_has_come(server, tmp_path):
    (tmp_path / "file.part").write_bytes(b"begun")
    with pytest.raises(DownloadError, match="of 300,000 bytes instead of 600,000"):
        download([server.url], tmp_path / "file", size=2 * len(CONTENT))
    assert (tmp_path / "file.part").read_bytes() == b"begun"


def test_a_server_that_gives_less_than_was_asked_for_is_asked_again(server, tmp_path):
    server.does.at_once = 150_000
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    assert download([server.url], tmp_path / "file").read_bytes() == CONTENT
    assert server.does.asked == ("bytes=1000-", "bytes=151000-")


def test_one_address_may_stand_by_itself(server, tmp_path):
    assert download(server.url, tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("urls", "expected", "message"),
    [
        (5, {}, "urls must be a list of addresses, got 5"),
        ([], {}, "urls must hold one address at least"),
        ([None], {}, "each of urls must be a text, got None"),
        ("http://127.0.0.1:9/", {"checksum": "9fb6"}, "checksum must be one of md5, sha1, sha256"),
        ("http://127.0.0.1:9/", {"checksum": "md5"}, "a colon and hex, got 'md5'"),
        ("http://127.0.0.1:9/", {"size": -1}, "size must be from 1 to"),
    ],
)
def test_what_cannot_be_fetched_is_told_before_anybody_is_asked(tmp_path, urls, expected, message):
    with pytest.raises((TypeError, ValueError), match=message):
        download(urls, tmp_path / "file", **expected)


def test_what_has_come_is_not_counted_as_missing(tmp_path):
    file, part = tmp_path / "file", tmp_path / "file.part"
    part.write_bytes(CONTENT[:100])
    assert missing_bytes(file, 1000) == 900 and missing_bytes(file, 50) == 0
    part.rename(file)
    assert missing_bytes(file, 1000) == 0
