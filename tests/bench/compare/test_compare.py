"""The parts of the comparison that start nothing: numbers, verdicts, tables, the store."""

import report
import targets
from figures import FIGURES, number, spread
from kinds import CONFAB, KINDS, PEER_NAMES
from results import Results, judge
from rig import judge as judge_output
from series import plan
from store import Run, Series, Store
from targets import OWN_LINES, PEER_TARGETS, Target
from workloads import OWN_WORKLOADS, PEER_WORKLOADS

WORKLOADS = {workload.name: workload for workload in PEER_WORKLOADS}


def runs(workload, server, *results, reason=""):
    return [
        Run("s", workload, server, i, reason, 1.0, result) for i, result in enumerate(results, 1)
    ]


def rates(workload, server, *values):
    return runs(workload, server, *({"deliveries_per_s": value} for value in values))


def best_target(compare, bound, figure="deliveries"):
    return targets.times_best("a-1000", figure, compare, bound)


# Numbers


def test_a_number_has_three_digits_and_no_exponent():
    values = (4123456, 1234.4, 12.34, 0.41234, 0.00001234, 0)
    assert [number(v) for v in values] == ["4,120,000", "1,230", "12.3", "0.412", "0.0000", "0"]


def test_a_spread_is_the_median_and_what_is_around_it():
    found = spread([3, 1, 2, 9])
    assert (found.median, found.low, found.high) == (2.5, 1, 9)
    assert spread([]) is None


def test_the_busiest_thread_is_not_the_share_of_user_time():
    result = {
        "cpu_percent": 99, "cpu_percent_user": 90, "cpu_percent_net-0": 40, "cpu_percent_hub": 50,
        "deliveries_per_s": 1_000_000,
    }
    assert FIGURES["busiest"].read(result) == 0.5
    assert FIGURES["busiest"].read({}) is None


def test_memory_is_given_in_kb():
    assert FIGURES["memory"].read({"kb_per_connection": 5}) == 5.12


def test_nothing_is_not_the_best_measurement():
    assert FIGURES["p99"].read({"p99_ms": 0}) is None
    assert FIGURES["cpu"].read({"cpu_us_per_delivery": 0.0}) is None
    assert FIGURES["slow_closed"].read({"total_slow_closed": 0}) == 0


# Results


def test_the_best_peer_is_decided_by_the_figure_and_is_never_confab():
    results = Results(
        runs("a-1000", "confab", {"deliveries_per_s": 9, "cpu_us_per_delivery": 1})
        + runs("a-1000", "bun", {"deliveries_per_s": 5, "cpu_us_per_delivery": 3})
        + runs("a-1000", "nchan", {"deliveries_per_s": 4, "cpu_us_per_delivery": 2})
    )
    assert results.best("a-1000", "confab", FIGURES["deliveries"]) == ("bun", 9 / 5)
    assert results.best("a-1000", "confab", FIGURES["cpu"]) == ("nchan", 1 / 2)


def test_a_ratio_is_taken_round_by_round():
    """The machine is ten times as fast in the second round, and bun has no third one."""
    results = Results(rates("a-1000", "confab", 3, 20, 4) + rates("a-1000", "bun", 1, 10))
    assert results.ratio("a-1000", "confab", "bun", "deliveries") == 2.5
    assert results.ratio("a-1000", "confab", "ws", "deliveries") is None


def test_a_server_that_fails_half_of_its_runs_has_no_figures():
    good = rates("a-1000", "bun", 5, 7)
    bad = runs("a-1000", "bun", {"deliveries_per_s": 99}, {}, reason="3 lost")
    ours = rates("a-1000", "confab", 10, 14)
    assert Results(ours + good + bad).best("a-1000", "confab", FIGURES["deliveries"]) is None
    found = Results(ours + good + bad[:1]).best("a-1000", "confab", FIGURES["deliveries"])
    assert found == ("bun", 2)
    notes = Results(good + bad[:1]).notes(WORKLOADS["a-1000"], "bun")
    assert notes == ["1 of 3 runs failed: 3 lost"]


def test_notes_tell_what_limits_the_figures():
    result = {"deliveries_per_s": 50_000, "own_cpu_percent": 80, "redis_cpu_percent": 16}
    notes = Results(runs("b-100", "ws", {**result, "total_resyncs": 3})).notes(
        WORKLOADS["b-100"], "ws"
    )
    assert "processor of the generator" in notes[0]
    assert notes[1:] == [
        "fell behind: 50% of the deliveries due",
        "3 times a client was too slow and had to resume",
    ]


def test_a_run_beside_busy_programs_is_told():
    busy = {"others_cpu_percent": 44}
    results = Results(runs("b-20", "ws", {"others_cpu_percent": 3}, busy))
    assert results.disturbed() == [["b-20", "ws", "44 (run 2)"]]
    assert not Results(runs("f", "ws", {**busy, "resume_s": 0.02})).disturbed()


# Verdicts


def test_a_ratio_to_the_best_peer_is_judged():
    results = Results(
        rates("a-1000", "confab", 30) + rates("a-1000", "bun", 10) + rates("a-1000", "ws", 4)
    )
    verdict = judge(results, best_target(">=", 2))
    assert (verdict.must, verdict.reached, verdict.passed) == (
        "≥ 2 × best peer",
        "3.00 × bun",
        True,
    )
    assert judge(results, best_target(">=", 3.5)).passed is False


def test_a_peer_that_fails_is_not_the_best():
    failed = runs("a-1000", "bun", {"deliveries_per_s": 1000}, reason="cut off")
    results = Results(rates("a-1000", "confab", 30) + failed + rates("a-1000", "ws", 10))
    assert judge(results, best_target(">=", 2)).reached == "3.00 × ws"


def test_one_failed_run_of_confab_fails_the_target():
    results = Results(
        rates("a-1000", "confab", 30, 30, 30)
        + runs("a-1000", "confab", {}, reason="1 lost")
        + rates("a-1000", "bun", 1)
    )
    verdict = judge(results, best_target(">=", 2))
    assert (verdict.reached, verdict.passed) == ("failed: 1 lost", False)


def test_without_a_peer_there_is_no_verdict():
    assert judge(Results(rates("a-1000", "confab", 30)), best_target(">=", 2)).passed is None
    assert judge(Results([]), targets.at_most("b-300", "p99", 30)).passed is None


def test_a_figure_can_be_compared_with_another_workload():
    target = Target("g", "p99", "<=", 1.2, against=("g-0", "confab"))
    results = Results(
        runs("g", "confab", {"p99_ms": 12}) + runs("g-0", "confab", {"p99_ms": 8})
    )
    verdict = judge(results, target)
    assert (verdict.must, verdict.reached, verdict.passed) == (
        "≤ 1.2 × g-0",
        "1.50 × g-0",
        False,
    )


def test_targets_name_what_is_measured():
    for target in PEER_TARGETS:
        workload = WORKLOADS[target.workload]
        assert target.figure in workload.figures
        assert target.server in {kind.name for kind in workload.servers}
        if target.against:
            assert target.against[0] in WORKLOADS
    assert {line.workload for line in OWN_LINES} == {w.name for w in OWN_WORKLOADS}


def test_figures_of_workloads_exist():
    for workload in PEER_WORKLOADS:
        assert set(workload.figures) <= set(FIGURES)


# The generator


def test_output_of_the_generator_is_judged():
    good = '{"faults": 0}'
    assert judge_output(0, good, "") == ({"faults": 0}, "")
    assert judge_output(0, good, "confab-bench: the load generator used a whole core; x")[1] == ""
    assert judge_output(1, good, "confab-bench: 3 lost\n") == ({"faults": 0}, "3 lost")
    assert judge_output(2, "", "") == ({}, "exit status 2")


# The order


def test_servers_alternate_and_each_run_begins_with_another_one():
    steps = plan([WORKLOADS["a-100"]], {"confab", "bun", "ws"}, 2)
    assert [(step.run, step.kind.name) for step in steps] == [
        (1, "confab"), (1, "bun"), (1, "ws"), (2, "bun"), (2, "ws"), (2, "confab"),
    ]


def test_all_of_it_takes_less_than_an_hour():
    steps = plan(list(PEER_WORKLOADS), set(KINDS), 5)
    assert sum(step.expected_s(None) for step in steps) < 50 * 60


# The store


def series(id="s"):
    return Series(id, "scripts/bench.sh --peers", "abc1234", {"system": "Debian"}, {"bun": "1"})


def test_runs_are_kept_and_can_be_measured_again(tmp_path):
    store = Store(tmp_path)
    store.begin(series())
    for run in rates("a-100", "bun", 1, 2) + rates("a-100", "ws", 3):
        store.add(run)
    again = Store(tmp_path)
    assert again.runs == store.runs and again.series == store.series
    assert again.has("a-100", "bun", 2) and not again.has("a-100", "ws", 2)

    again.drop({("a-100", "bun")})
    assert [run.server for run in Store(tmp_path).runs] == ["ws"]
    again.drop({("a-100", "ws")})
    assert not Store(tmp_path).series


def test_faults_that_did_not_happen_take_no_room(tmp_path):
    store = Store(tmp_path)
    store.add(runs("g", "ws", {"fault_lost": 0, "fault_gaps": 2, "total_slow_closed": 0})[0])
    assert Store(tmp_path).runs[0].result == {"fault_gaps": 2, "total_slow_closed": 0}


# The report


def store_of(tmp_path, stored):
    store = Store(tmp_path)
    store.begin(series())
    for run in stored:
        store.add(run)
    return store


def test_the_tables_have_servers_ratios_and_failures(tmp_path):
    store = store_of(
        tmp_path,
        rates("a-1000", "confab", 28, 30, 33)
        + rates("a-1000", "bun", 10, 10, 10)
        + runs("a-1000", "ws", {}, reason="cut | off"),
    )
    text = report.markdown(store, [])
    assert "| confab | 30.0 (28.0–33.0) |" in text
    assert "| confab : best peer | 3.00 × bun |" in text
    assert "| ws | failed |" in text
    assert "- ws: 1 of 1 runs failed: cut | off" in text
    assert "| a-1000 | deliveries/s | ≥ 2 × best peer | 3.00 × bun | pass |" in text
    assert "- measured: s, confab abc1234, `scripts/bench.sh --peers`" in text
    assert "nchan" not in text


def test_the_terminal_shows_medians_alone(tmp_path):
    text = report.terminal(store_of(tmp_path, rates("a-1000", "confab", 28, 30, 33)))
    assert "30.0" in text and "33.0" not in text


def test_slow_readers_are_compared_with_the_same_server(tmp_path):
    store = store_of(
        tmp_path, runs("g", "bun", {"p99_ms": 12}) + runs("g-0", "bun", {"p99_ms": 8})
    )
    assert "| 1.50 |" in report.markdown(store, [])


def test_more_than_one_series_is_told(tmp_path):
    store = store_of(tmp_path, rates("a-100", "confab", 1))
    store.begin(series("t"))
    run = rates("a-100", "bun", 1)[0]
    run.series = "t"
    store.add(run)
    text = report.terminal(store)
    assert "not all of it was measured in one series" in text
    assert "measured: t, confab abc1234, `scripts/bench.sh --peers`: a-100" in text


def test_prose_around_the_markers_is_kept():
    text = report.replace_generated("# Title\n\nProse.\n", "tables")
    assert text.startswith("# Title\n\nProse.\n") and "tables" in text
    again = report.replace_generated(text + "After.\n", "others")
    assert again.startswith("# Title") and again.endswith("After.\n")
    assert "others" in again and "tables" not in again


def test_peers_and_confab_are_told_apart():
    assert [kind.name for kind in KINDS.values() if kind.is_peer] == list(PEER_NAMES)
    assert not CONFAB.is_peer
