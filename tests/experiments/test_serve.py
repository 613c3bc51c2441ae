import socket

from experiments.serve import HOST, free_port


def test_a_free_port_is_taken_as_it_is() -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    said: list[str] = []
    assert free_port(port, "page", said.append) == port
    assert said == []


def test_a_taken_port_gives_the_next_free_one_and_says_so() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        said: list[str] = []
        other = free_port(port, "page", said.append)
    assert other > port
    assert said == [f"Port {port} is taken: the page is on {other}."]
