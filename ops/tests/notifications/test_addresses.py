"""No channel reaches what is ours: not by its name, its number, a redirect, or a second answer of the DNS."""

import socket
import threading
from time import monotonic

import pytest

from ops.notifications import addresses, calls
from ops.notifications.addresses import AddressRefused, NotResolved, address_fault, place_of
from ops.notifications.calls import NoAnswer, post
from ops.tests.notifications.receiving import PUBLIC, make_certificates

HOOK = "https://hooks.example.com/in"
UNSPEAKABLE = [  # refused before any name is resolved
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "//hooks.example.com/",
    "hooks.example.com",
    "",
    "https://",
    "https:///in",
    "https:hooks.example.com",
    "https://user:password@hooks.example.com/",
    "https://user@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com:443@127.0.0.1/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://127.0.0.1\\@hooks.example.com/",
    "https://hooks.example.com\\in",
    "https://hooks.example.com/#fragment",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/a\r\nHost: localhost",
    "https://hooks.example.com\n.localhost/",
    "https://hooks.example.com/\x00",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:80/",
    "https://hooks.example.com:5432/",
    "https://hooks.example.com:6379/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:65536/",
    "https://hooks.example.com:4430/",
    "https://hooks.example.com:/",
    "https://hooks.example.com:-443/",
    "https://hooks.example.com./",
    "https://.example.com/",
    "https://hooks..example.com/",
    "https://-hooks.example.com/",
    f"https://{'a' * 64}.example.com/",
    f"https://{'a.' * 130}com/",
    f"https://hooks.example.com/{'a' * 2_000}",
    "https://localhost/",
    "https://localhost:443/",
    "https://LOCALHOST/",
    "https://api.localhost/",
    "https://localhost.localdomain/",
    "https://redis/",
    "https://postgres:443/",
    "https://printer.local/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://vault.internal/",
    "https://nas.lan/",
    "https://wiki.corp/",
    "https://router.home/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://router.home.arpa/",
    "https://hidden.onion/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.0x1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xA9FEA9FE/",
    "https://10.0.0.1:8443/",
    "https://93.184.215.14/",  # public, yet nobody's certificate is looked at by number
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1%25eth0]/",
    "https://[2606:2800:220:1::1]/",
    "https://①②⑦.⓪.⓪.①/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://bücher.example.com/",
    "https://hooks。example。com/",
    "https://hooks%2eexample.com/",
    "https://127.0.0.1%2f.example.com/",
]
OURS = [  # what a name may lead to
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255"),
    *("127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "192.175.48.1", "192.31.196.1", "192.52.193.1"),
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:93.184.215.14"),
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "fc00::1", "fd00:ec2::254"),
    *("fd20:ce::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "4000::1", "5f00::1"),
    *("2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "3fff::1"),
    *("2002:a00:1::1", "2620:4f:8000::1", "hello", ""),
]
PUBLIC_ONES = [PUBLIC, "1.1.1.1", "8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:2800:220:1::1", "64:ff9b::5db8:d70e"]


def send(url=HOOK):
    return post(url, headers={"Content-Type": "application/json"}, body=b"{}")


def test_there_are_enough_of_them():
    assert len(UNSPEAKABLE) >= 60
    assert len(OURS) >= 60


@pytest.mark.parametrize("url", UNSPEAKABLE)
def test_an_address_that_is_no_public_name_is_refused_before_anybody_is_asked(internet, url):
    with pytest.raises(AddressRefused):
        send(url)

    assert internet.asked == []
    assert internet.dialed == []


@pytest.mark.parametrize("address", OURS)
def test_a_name_that_leads_to_us_is_refused(internet, address):
    internet.names["hooks.example.com"] = [[address]]

    with pytest.raises(AddressRefused, match=r"'hooks\.example\.com' leads to an address that is"):
        send()

    assert internet.dialed == []


@pytest.mark.parametrize("address", OURS)
def test_one_bad_address_among_good_ones_is_enough(internet, address):
    internet.names["hooks.example.com"] = [[PUBLIC, address]]

    with pytest.raises(AddressRefused):
        send()

    assert internet.dialed == []


@pytest.mark.parametrize("address", PUBLIC_ONES)
def test_public_addresses_are_called(address):
    assert address_fault(address) == ""


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/"),
        ("HTTPS://Hooks.Example.COM:8443/In?a=1&b=%20", "hooks.example.com", 8443, "/In?a=1&b=%20"),
        ("https://hooks.example.com?a=1", "hooks.example.com", 443, "/?a=1"),
        ("https://xn--bcher-kva.example.com/", "xn--bcher-kva.example.com", 443, "/"),
        ("https://my_hook.a-b.example.com/x@y:z", "my_hook.a-b.example.com", 443, "/x@y:z"),
        ("https://1.example.com/", "1.example.com", 443, "/"),
        ("https://a.xn--p1ai/", "a.xn--p1ai", 443, "/"),
    ],
)
def test_public_names_are_read(url, host, port, path):
    place = place_of(url)

    assert (place.host, place.port, place.path) == (host, port, path)


def test_the_message_arrives_with_the_name_it_was_sent_to(internet, receiver):
    receiver.answer((202, {"X-Seen": "yes"}, b"thanks"))

    answer = send(f"{HOOK}?a=1")

    assert (answer.status, answer.headers["x-seen"], answer.body) == (202, "yes", b"thanks")
    assert receiver.received[0].path == "/in?a=1"
    assert receiver.received[0].headers["Host"] == "hooks.example.com"
    assert internet.dialed == [(PUBLIC, 443)]


def test_the_port_is_told_where_it_is_another(internet, receiver):
    send("https://hooks.example.com:8443/")

    assert receiver.received[0].headers["Host"] == "hooks.example.com:8443"
    assert internet.dialed == [(PUBLIC, 8443)]


def test_a_name_that_becomes_private_after_it_was_judged_changes_nothing(internet, receiver):
    internet.names["hooks.example.com"] = [[PUBLIC], ["127.0.0.1"]]

    send()

    assert internet.asked == ["hooks.example.com"]  # once
    assert internet.dialed == [(PUBLIC, 443)]
    with pytest.raises(AddressRefused):
        send()
    assert len(internet.dialed) == len(receiver.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["https://127.0.0.1/", "http://169.254.169.254/", "https://other.example.com/", "/"])
def test_a_redirect_is_an_answer_and_no_way(internet, receiver, status, place):
    receiver.answer((status, {"Location": place}, b""))

    assert send().status == status

    assert len(receiver.received) == len(internet.dialed) == 1


def test_proxies_of_the_environment_are_not_asked(internet, monkeypatch, receiver):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")

    send()

    assert internet.dialed == [(PUBLIC, 443)]


def test_a_server_that_is_not_the_one_named_gets_nothing(internet, receiver):
    with pytest.raises(NoAnswer, match=r"other\.example\.org: TLS: Hostname mismatch"):
        send("https://other.example.org/secret-path")

    assert receiver.received == []


def test_a_certificate_that_nobody_vouches_for_is_refused(internet, receiver, tmp_path, monkeypatch):
    others = make_certificates(tmp_path, "hooks.example.com")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(others / "ca.pem"))

    with pytest.raises(NoAnswer, match=r"hooks\.example\.com: TLS: "):
        send()

    assert receiver.received == []


def test_of_a_long_answer_only_the_beginning_is_read(internet, receiver):
    receiver.answer((200, {}, b"x" * 10_000_000))

    assert len(send().body) == 65_536


def drip(handler, first=b""):
    """A byte now and then, for ever: each of them in time."""
    handler.wfile.write(first)
    while not handler.server.let_go.wait(0.05):
        handler.wfile.write(b"x")


@pytest.mark.parametrize(
    "answer",
    [
        lambda handler: handler.server.let_go.wait(30),
        drip,
        lambda handler: drip(handler, b"HTTP/1.1 200 OK\r\n\r\n"),
        lambda handler: drip(handler, b"HTTP/1.1 200 OK\r\nX-Long: "),
        lambda handler: [handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n") for _ in iter(lambda: None, 0)],
    ],
    ids=["silence", "line", "body", "header", "continue"],
)
def test_whoever_answers_slowly_is_left(internet, receiver, monkeypatch, answer):
    monkeypatch.setattr(calls, "TOTAL_SECONDS", 0.6)
    receiver.answer(answer)
    began = monotonic()

    with pytest.raises(NoAnswer):
        send()

    assert monotonic() - began < 5


@pytest.mark.parametrize("said", [b"", b"\x00\xff" * 50, b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-secret\r\n", b"a" * 70_000])
def test_what_is_no_http_is_no_answer(internet, receiver, said):
    receiver.answer(lambda handler: handler.wfile.write(said) and handler.connection.close())

    with pytest.raises(NoAnswer) as caught:
        send()

    assert "secret" not in str(caught.value)


def test_a_port_at_which_nobody_listens_is_no_answer(internet):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        internet.port = nobody.getsockname()[1]

        with pytest.raises(NoAnswer, match=r"hooks\.example\.com: Connection refused"):
            send()


def test_of_several_addresses_the_next_one_is_tried(internet, receiver, monkeypatch):
    internet.names["hooks.example.com"] = [["2606:2800:220:1::1", PUBLIC]]
    reached = calls.dial

    def dial(address, port, *, timeout):
        if ":" in address:
            raise OSError(101, "Network is unreachable")
        return reached(address, port, timeout=timeout)

    monkeypatch.setattr(calls, "dial", dial)

    assert send().status == 200


def test_a_name_without_an_address_may_have_one_later(internet):
    internet.names["hooks.example.com"] = [[]]

    with pytest.raises(NoAnswer, match="was not resolved"):
        send()


def test_a_resolver_that_hangs_holds_us_for_a_bounded_time_and_in_few_threads(monkeypatch):
    let_go = threading.Event()
    monkeypatch.setattr(addresses, "RESOLVE_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(30) and [])

    for _ in range(addresses.MOST_RESOLVING):
        with pytest.raises(NotResolved, match=r"hooks\.example\.com was not resolved within 0\.05 s"):
            addresses.resolve("hooks.example.com", 443)
    with pytest.raises(NotResolved, match="names are being resolved already"):
        addresses.resolve("hooks.example.com", 443)

    let_go.set()
    monkeypatch.undo()
    until = monotonic() + 5
    while "127.0.0.1" not in (found := resolved("localhost")):
        assert monotonic() < until, found


def resolved(host):
    try:
        return addresses.resolve(host, 443)
    except NotResolved as error:
        return [str(error)]


def test_a_host_of_the_house_is_called_where_the_operator_names_it(internet, receiver, settings):
    settings.WEBHOOK_INTERNAL_HOSTS = [f"localhost:{receiver.server_port}"]
    internet.names["localhost"] = [["127.0.0.1"], ["169.254.169.254"]]
    url = f"https://localhost:{receiver.server_port}/in"

    assert send(url).status == 200

    with pytest.raises(AddressRefused):  # its private addresses, not every one
        send(url)
    for other in ("https://localhost/in", url.replace("https", "http"), url.replace("localhost", "127.0.0.1")):
        with pytest.raises(AddressRefused):
            send(other)


@pytest.mark.parametrize(
    "url", [HOOK.replace("/in", "/T0KEN"), "http://hooks.example.com/T0KEN", "https://u:T0KEN@a.b/"]
)
def test_errors_show_no_more_of_an_address_than_its_host(internet, url):
    internet.names["hooks.example.com"] = [["10.0.0.1"]]

    with pytest.raises(AddressRefused) as caught:
        send(url)

    assert "T0KEN" not in str(caught.value)
