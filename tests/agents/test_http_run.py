"""Requests against a real server: what is asked, what is kept of the answer, and what follows."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.agents.calling import AGENT, Call, failure
from tests.agents.recording import until
from tests.agents.serving import Asked, Server, answer, raw
from webapp.agents.protocol import Instruction, Result


def test_an_answer_is_the_result_and_the_output_and_the_log_says_how_it_came(
    server: Server, call: Call
) -> None:
    run = call(server.on("/", answer(body="hello", Content_Type="text/plain")))

    assert run.result() == Result("hello")
    assert run.console.text == "hello"
    assert run.console.codes() == ["http_request", "http_answer", "http_headers", "http_received"]
    assert run.console.params("http_answer")["answer"] == "200 OK"


def test_json_is_laid_out_to_be_read(server: Server, call: Call) -> None:
    run = call(server.on("/", answer(body='{"a":[1,"ä"]}', Content_Type="application/json")))

    assert run.result().text == '{\n  "a": [\n    1,\n    "ä"\n  ]\n}'


def test_without_a_body_there_is_no_result(server: Server, call: Call) -> None:
    assert call(server.on("/", raw(b"HTTP/1.1 204 No Content\r\n\r\n"))).result() == Result(None)


def test_what_is_no_text_becomes_a_file_beside_those_that_are_there(
    server: Server, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "response.png").write_text("of an earlier task")
    data = bytes(range(256))

    run = call(server.on("/", answer(body=data, Content_Type="image/png")))

    assert run.result().text == "response-2.png"
    assert (tmp_path / "response-2.png").read_bytes() == data
    assert run.console.params("http_saved") == {"type": "image/png", "file": "response-2.png"}


def test_text_of_another_charset_is_read_and_what_is_wrong_is_said(
    server: Server, call: Call
) -> None:
    latin = "é".encode("latin-1")
    said = answer(body=latin, Content_Type="text/plain; charset=latin-1")
    wrong = call(server.on("/wrong", answer(body=latin, Content_Type="text/plain")))

    assert call(server.on("/", said)).result().text == "é"
    assert wrong.result().text == "\ufffd"
    assert "http_undecodable" in wrong.console.codes()


def test_an_endless_answer_is_cut_and_says_so(server: Server, call: Call) -> None:
    def endless(_asked: Asked, connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while not server.over.is_set():
            connection.sendall(b"again and again\n" * 4096)

    run = call(server.on("/", endless), max_response_mb=1)

    assert len(run.result().text or "") == 256 * 1024
    assert len(run.console.output) == 1024 * 1024
    assert {"http_cut", "http_result_cut"} <= set(run.console.codes())


def test_a_small_answer_that_unpacks_to_gigabytes_is_cut_before_it_does(
    server: Server, call: Call
) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(256)) + packer.flush()

    run = call(server.on("/", answer(body=bomb, Content_Encoding="gzip")), max_response_mb=2)

    run.result()
    assert len(run.console.output) == 2 * 1024 * 1024
    assert "http_cut" in run.console.codes()


@pytest.mark.parametrize("bits", [31, 15, -15], ids=["gzip", "deflate", "bare deflate"])
def test_a_packed_answer_is_unpacked(server: Server, call: Call, bits: int) -> None:
    packer = zlib.compressobj(wbits=bits)
    body = packer.compress(b"hello " * 1000) + packer.flush()
    encoding = "gzip" if bits == 31 else "deflate"

    run = call(server.on("/", answer(body=body, Content_Encoding=encoding)))

    assert run.result().text == "hello " * 1000


def test_a_500_is_tried_again_and_the_log_says_why(server: Server, call: Call) -> None:
    run = call(server.on("/", answer("500 Oops", "broken"), answer(body="fine")))

    assert run.result().text == "fine"
    assert "500 Oops" in run.console.params("http_retry")["why"]
    assert [told["step"] for told in run.console.progressed] == [1, 2]


@pytest.mark.parametrize(
    ("settings", "tries"),
    [
        ({"method": "POST"}, 1),
        ({"method": "POST", "retry_unsafe": True}, 3),
        ({"method": "PUT"}, 3),
        ({"request_retries": 0}, 1),
        ({"request_retries": 4}, 5),
    ],
)
def test_what_may_have_been_carried_out_is_sent_again_only_where_that_does_no_harm(
    server: Server, call: Call, settings: dict[str, Any], tries: int
) -> None:
    run = call(server.on("/", answer("503 Busy", "not now")), **settings)

    assert "503 Busy; expected was 2xx. It said:\nnot now" in failure(run)
    assert len(server.asked) == tries
    keys = {asked.headers.get("idempotency-key") for asked in server.asked}
    assert keys == ({"task-1"} if "retry_unsafe" in settings else {None})


def test_whoever_says_when_to_come_back_is_asked_then_even_by_a_post(
    server: Server, call: Call
) -> None:
    date = {"Date": "Mon, 23 Nov 2026 12:00:00 GMT", "Retry_After": "Mon, 23 Nov 2026 12:00:01 GMT"}
    url = server.on("/", answer("429 Slower", **date), answer(body="fine"))

    run = call(url, method="POST")

    assert run.result().text == "fine"
    assert run.console.params("http_retry")["seconds"] == "1.0"


def test_nobody_waits_for_hours(server: Server, call: Call) -> None:
    run = call(server.on("/", answer("429 Slower", Retry_After="7200")))

    assert "come back in 7200 s" in failure(run)


def test_another_status_may_be_the_expected_one(server: Server, call: Call) -> None:
    url = server.on("/", answer("418 Teapot", "short and stout"))

    assert call(url, expected_status="2xx,418").result().text == "short and stout"
    assert "expected was 404" in failure(call(url, expected_status=404))


def test_a_stop_ends_a_slow_answer_at_once(server: Server, call: Call) -> None:
    run = call(server.on("/", server.trickle))
    run.printed("begun")

    run.controls.stop(60)

    assert run.result(within_s=5) == Result(None)


def test_a_stop_ends_the_wait_for_a_first_byte_and_the_one_between_two_tries(
    server: Server, call: Call
) -> None:
    silent = call(server.on("/silent", server.silent))
    resting = call(server.on("/", answer("500 Oops")), request_retry_delay_s=600)
    until(lambda: server.asked and "http_retry" in resting.console.codes())

    for run in (silent, resting):
        run.controls.stop(60)
        assert run.result(within_s=5) == Result(None)


def test_a_pause_takes_effect_between_two_tries(server: Server, call: Call) -> None:
    run = call(server.on("/", answer("500 Oops"), answer(body="fine")), request_retry_delay_s=0.5)
    until(lambda: "http_retry" in run.console.codes())
    run.controls.pause()
    until(lambda: run.console.effects == ["paused"])
    assert len(server.asked) == 1

    run.controls.resume()

    assert run.result().text == "fine"
    assert run.console.effects == ["paused", "resumed"]


def test_what_can_never_work_is_refused_with_the_reason() -> None:
    once = AGENT.validate({"url": "http://a/", "request_retries": 0}, by_hand=True)

    assert AGENT.refuses("pause", once) == "http_no_pause"
    assert AGENT.refuses("pause", {**once, "request_retries": 1}) is None
    assert AGENT.refuses("instruct", once) == AGENT.refuses("end_input", once) == "http_no_input"


def test_an_instruction_that_came_all_the_same_was_never_read(server: Server, call: Call) -> None:
    run = call(server.on("/", server.silent))

    run.controls.instruct(Instruction("i1", "hello"))

    assert run.console.receipts == [("i1", "never_read")]


@pytest.mark.parametrize("charset", ["zlib", "utf-7", "unicode_escape", "rot13", "no-such"])
def test_a_charset_that_is_none_is_read_as_utf_8(server: Server, call: Call, charset: str) -> None:
    said = answer(body="+2AA- \\ud800 ä", Content_Type=f"text/plain; charset={charset}")

    assert call(server.on("/", said)).result().text == "+2AA- \\ud800 ä"
