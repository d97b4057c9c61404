"""Which addresses this server may send to, in all the ways that they can be written."""

import ipaddress

import pytest

from runyard.errors import InvalidParameter
from runyard.services.outbound_addresses import Allowed, is_public, literal_address, unwrapped

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:168.63.129.16",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::168.63.129.16",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "168.63.129.15",
    "8.8.8.8",
    "172.32.0.1",
    "192.169.0.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2606:4700::1111",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_that_is_somebodys_own_is_not_public(text):
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_internet_is_public(text):
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"],
)
def test_loopback_is_known_in_all_forms_that_resolvers_take(text):
    assert literal_address(text) == ipaddress.ip_address("127.0.0.1")
    assert literal_address(f"{text}.") == ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize("text", ["0", "0x0", "00", "0.0"])
def test_the_unspecified_address_is_known_in_all_forms(text):
    assert literal_address(text) == ipaddress.ip_address("0.0.0.0")


@pytest.mark.parametrize(
    "text", ["example.org", "localhost", "1.2.3.4.example.org", "0x7g", "a", "999.1.1.1"]
)
def test_a_name_is_no_address(text):
    assert literal_address(text) is None


def test_an_address_within_an_address_is_the_one_that_is_looked_at():
    assert unwrapped(ipaddress.ip_address("::ffff:10.1.2.3")) == ipaddress.ip_address("10.1.2.3")
    assert unwrapped(ipaddress.ip_address("64:ff9b::10.1.2.3")) == ipaddress.ip_address("10.1.2.3")
    assert unwrapped(ipaddress.ip_address("fd00::1")) == ipaddress.ip_address("fd00::1")


def test_a_host_that_is_listed_may_be_anywhere():
    allowed = Allowed(["Hooks.Corp.example."])
    assert allowed.lets_through("hooks.corp.example", ipaddress.ip_address("10.0.0.1"))
    assert allowed.lets_through("HOOKS.corp.example.", ipaddress.ip_address("127.0.0.1"))
    assert not allowed.lets_through("more.hooks.corp.example", ipaddress.ip_address("10.0.0.1"))


@pytest.mark.parametrize("host", ["10.1.2.3", "anything.example"])
def test_a_network_that_is_listed_may_have_any_name(host):
    allowed = Allowed(["10.1.0.0/16", "fd00::/8"])
    for text in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00::1", "8.8.8.8"):
        assert allowed.lets_through(host, ipaddress.ip_address(text))
    for text in ("10.2.0.1", "127.0.0.1", "::1", "fe80::1"):
        assert not allowed.lets_through(host, ipaddress.ip_address(text))


def test_one_address_may_be_listed():
    allowed = Allowed(["127.0.0.1"])
    assert allowed.lets_through("localhost", ipaddress.ip_address("127.0.0.1"))
    assert not allowed.lets_through("localhost", ipaddress.ip_address("127.0.0.2"))


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "https://example.org", "example.org:443", "."])
def test_what_is_no_host_and_no_network_is_refused_by_name(entry):
    with pytest.raises(InvalidParameter, match="outbound_allow has"):
        Allowed([entry])
