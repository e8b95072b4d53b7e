import pytest

from callboard.command import run_command


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--every", "often"], "'often' is no length of time; write 90s, 30m, 6h or 1d"),
        (["--threshold", "raise_case"], "--threshold is 'raise_case'; it must be as in raise_case=0.75"),
        (["--threshold", "raise_case=2"], "--threshold is 'raise_case=2'; it must be as in raise_case=0.75"),
        (["--rest", "5m"], "--rest makes a policy of its own; say with --threshold what it does not ask about"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
):
    assert run_command(["watch", "start", *words]) == 1

    assert capsys.readouterr().err == f"callboard: {complaint}\n"
