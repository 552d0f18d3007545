"""What people add to a running command, and the honest receipt for it."""

from __future__ import annotations

from collections.abc import Callable

from tests.agents.recording import Run, until
from webapp.agents.protocol import Instruction

Start = Callable[..., Run]

END = Instruction("end", "", kind="end_input")


def line(name: str, text: str = "hello") -> Instruction:
    return Instruction(name, text)


def test_a_line_that_is_read_is_delivered_and_then_consumed(start: Start) -> None:
    run = start('read line; echo "got $line"; sleep 300')
    run.controls.instruct(line("a", "grüße"))
    run.printed("got grüße")
    until(lambda: run.console.receipts == [("a", "delivered"), ("a", "consumed")])


def test_a_line_that_nobody_reads_is_delivered_and_never_read(start: Start) -> None:
    run = start("echo ready; sleep 300")
    run.controls.instruct(line("a"))
    until(lambda: run.console.receipts == [("a", "delivered")])
    run.controls.stop(5.0)
    run.result()
    assert run.console.receipts == [("a", "delivered"), ("a", "never_read")]


def test_a_line_for_a_command_that_closed_its_input_is_never_read(start: Start) -> None:
    run = start("exec <&-; echo ready; sleep 300")
    run.printed("ready")
    run.controls.instruct(line("a"))
    until(lambda: ("a", "never_read") in run.console.receipts)
    assert ("a", "consumed") not in run.console.receipts
    assert not run.over


def test_a_delivered_line_is_never_read_once_the_command_closes_its_input(start: Start) -> None:
    run = start("until [ -e go ]; do sleep 0.01; done; exec <&-; sleep 300")
    run.controls.instruct(line("a"))
    until(lambda: run.console.receipts == [("a", "delivered")])
    (run.work.workspace_dir / "go").touch()
    until(lambda: run.console.receipts == [("a", "delivered"), ("a", "never_read")])


def test_lines_arrive_in_order_each_with_its_newline(start: Start) -> None:
    run = start("cat")
    for number in range(50):
        run.controls.instruct(line(str(number), f"line {number}"))
    run.controls.instruct(END)
    assert run.result().exit_code == 0
    assert run.console.text == "".join(f"line {number}\n" for number in range(50))


def test_the_end_of_input_ends_a_command_that_reads_to_the_end(start: Start) -> None:
    run = start("cat; echo end")
    run.controls.instruct(line("a"))
    run.controls.instruct(END)
    run.controls.instruct(line("late"))
    assert run.result().exit_code == 0
    assert run.console.text == "hello\nend\n"
    assert set(run.console.receipts) == {
        ("a", "delivered"),
        ("a", "consumed"),
        ("end", "delivered"),
        ("end", "consumed"),
        ("late", "never_read"),
    }


def test_the_end_of_input_is_consumed_once_all_before_it_is(start: Start) -> None:
    run = start("until [ -e go ]; do sleep 0.01; done; cat; sleep 300")
    run.controls.instruct(line("a"))
    run.controls.instruct(END)
    until(lambda: ("end", "delivered") in run.console.receipts)
    assert ("end", "consumed") not in run.console.receipts
    (run.work.workspace_dir / "go").touch()
    until(lambda: run.console.receipts[2:] == [("a", "consumed"), ("end", "consumed")])


def test_the_end_of_input_behind_what_nobody_reads_is_never_read(start: Start) -> None:
    run = start("echo ready; sleep 300")
    run.controls.instruct(line("a"))
    run.controls.instruct(END)
    until(lambda: ("end", "delivered") in run.console.receipts)
    run.controls.stop(5.0)
    run.result()
    assert run.console.receipts[2:] == [("a", "never_read"), ("end", "never_read")]


def test_the_end_of_input_for_a_command_that_closed_its_input_is_never_read(start: Start) -> None:
    run = start("exec <&-; echo ready; sleep 300")
    run.printed("ready")
    run.controls.instruct(END)
    until(lambda: run.console.receipts == [("end", "never_read")])


def test_what_lies_before_the_end_of_input_still_gets_its_receipt(start: Start) -> None:
    run = start("until [ -e go ]; do sleep 0.01; done; read line; echo got; sleep 300")
    run.controls.instruct(line("a"))
    run.controls.instruct(END)
    until(lambda: ("end", "delivered") in run.console.receipts)
    assert ("a", "consumed") not in run.console.receipts
    (run.work.workspace_dir / "go").touch()
    until(lambda: ("a", "consumed") in run.console.receipts)


def test_a_large_instruction_is_written_piece_by_piece(start: Start) -> None:
    run = start("until [ -e go ]; do sleep 0.01; done; wc -c")
    run.controls.instruct(line("large", "x" * 999_999))
    run.controls.instruct(END)
    run.controls.pause()
    until(lambda: run.console.effects == ["paused"])
    run.controls.resume()
    (run.work.workspace_dir / "go").touch()
    assert run.result().text == "1000000"
    assert sorted(run.console.receipts) == [
        ("end", "consumed"),
        ("end", "delivered"),
        ("large", "consumed"),
        ("large", "delivered"),
    ]


def test_a_large_instruction_that_is_never_read_holds_up_nothing(start: Start) -> None:
    run = start("echo ready; sleep 300")
    run.controls.instruct(line("large", "x" * 999_999))
    run.controls.instruct(line("next"))
    run.printed("ready")
    run.controls.stop(5.0)
    run.result()
    assert run.console.receipts == [("large", "never_read"), ("next", "never_read")]


def test_a_command_without_input_sees_its_end_at_once(start: Start) -> None:
    run = start("cat; echo end", stdin="none")
    assert run.result().text == "end"


def test_an_instruction_to_a_command_without_input_is_never_read(start: Start) -> None:
    run = start("sleep 300", stdin="none")
    run.controls.instruct(line("a"))
    until(lambda: run.console.receipts == [("a", "never_read")])


def test_an_instruction_after_the_end_is_never_read(start: Start) -> None:
    run = start("true")
    run.result()
    run.controls.instruct(line("late"))
    assert run.console.receipts == [("late", "never_read")]


def test_an_instruction_before_the_start_waits_for_the_command(start: Start) -> None:
    run = start('read line; echo "got $line"')
    run.controls.instruct(line("a"))
    assert run.result().text == "got hello"
    assert run.console.receipts == [("a", "delivered"), ("a", "consumed")]
