"""The load generator's last line, read."""

from pathlib import Path

import pytest

from benchmarks import wrk
from benchmarks.wrk import parse

PRINTED = """Running 2s test @ http://127.0.0.1:3000/api/predict/tree
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     4.10ms    2.01ms  31.86ms   87.81%
  7886 requests in 2.00s, 3.02MB read
Requests/sec:   3941.44

{"requests": 7886, "microseconds": 2000792, "p50": 3907, "p99": 9120, "failed": 2}
"""


def test_the_rate_is_over_the_time_that_wrk_really_took_and_latencies_are_milliseconds() -> None:
    load = parse(PRINTED)
    assert load.rate == pytest.approx(7886 / 2.000792)
    assert (load.p50, load.p99, load.requests, load.failed) == (3.907, 9.12, 7886, 2)


def test_nothing_answered_is_a_rate_of_zero() -> None:
    assert parse('{"requests": 0, "microseconds": 0, "p50": 0, "p99": 0, "failed": 16}').rate == 0


@pytest.mark.parametrize("printed", ["", "unable to connect to 127.0.0.1:3000 Connection refused\n"])
def test_output_without_a_result_is_refused_with_what_was_printed(printed: str) -> None:
    with pytest.raises(ValueError, match="wrk printed no result") as refused:
        parse(printed)
    assert printed.strip() in str(refused.value)


def test_a_missing_load_generator_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="wrk is missing: `apt-get install wrk`"):
        wrk.require_wrk()
