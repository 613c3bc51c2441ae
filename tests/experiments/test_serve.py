import socket

from experiments.serve import HOST, reserved_port


def test_a_free_port_is_taken_as_it_is() -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    said: list[str] = []
    with reserved_port(port, "page", said.append) as given:
        assert given == port
        assert said == []
        # Reserved, though nothing listens yet.
        with reserved_port(port, "other page", said.append) as other:
            assert other > port
            assert said == [f"Port {port} is taken: the other page is on {other}."]


def test_a_taken_port_gives_the_next_free_one_and_says_so() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        said: list[str] = []
        with reserved_port(port, "page", said.append) as other:
            assert other > port
    assert said == [f"Port {port} is taken: the page is on {other}."]
