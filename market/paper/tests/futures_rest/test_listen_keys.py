"""The key of the user data stream."""

from market.paper.tests.futures_rest.calls import refusal

PATH = "/fapi/v1/listenKey"


def test_key_stays_the_same_until_it_is_closed(client):
    first = client.futures_stream_get_listen_key()

    assert len(first) == 64
    assert client.futures_stream_get_listen_key() == first
    assert client.futures_stream_keepalive(first) == {"listenKey": first}
    assert client.futures_stream_close(first) == {}
    assert client.futures_stream_get_listen_key() != first


def test_key_that_does_not_exist_cannot_be_kept_alive(client):
    assert refusal(client.futures_stream_keepalive, listenKey="x" * 64)[:2] == (400, -1125)


def test_api_key_is_enough_and_needed(paper, key):
    assert paper.request("POST", PATH)[0] == 401
    assert paper.request("POST", PATH, headers={"X-MBX-APIKEY": key["api_key"]})[0] == 200
