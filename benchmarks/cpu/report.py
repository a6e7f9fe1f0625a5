"""Writes what was measured: cpu.md for people, cpu.json for programs, cpu.svg; of
another instruction set than the machine's own, cpu-avx2.md and so on."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
from typing import Optional

from machine import processor

from .bench import Bench, Goal, Line, Table


def bound(goal: Goal, value: Optional[float]) -> str:
    if value is None:
        return ""
    return f"{'≤' if goal.less_is_better else '≥'} {value:g}"


def misses(table: Table, name: str) -> list:
    """Lines that do not reach the goal."""
    goal = table.goals[name]
    return [
        line
        for line in table.lines
        if name in line.values
        and not goal.holds(line.values[name], line.least.get(name))
    ]


def summary_lines(table: Table) -> list:
    """One line of the summary for each goal."""
    failures = sum(bool(line.failed) for line in table.lines)
    result = []
    for name, goal in table.goals.items():
        judged = [
            line.values[name]
            for line in table.lines
            if name in line.values and (goal.least is not None or name in line.least)
        ]
        wanted = bound(goal, goal.least) or "by line"
        if goal.geomean:
            wanted += f", geomean {bound(goal, goal.geomean)}"
        if not judged:
            reason = (
                table.note if table.note.startswith("not measured") else "not measured"
            )
            if failures:
                reason += f"; {failures} failed"
            result.append(f"| {table.title}: {name} | {wanted} | {reason} | | |")
            continue
        worst = max(judged) if goal.less_is_better else min(judged)
        # Of the judged ones, as the goal says.
        mean = statistics.geometric_mean(judged)
        missed = len(misses(table, name))
        said = f"{missed} of {len(judged)} miss it" if missed else "all reach it"
        if goal.geomean and mean < goal.geomean:
            said += ", the geomean misses"
        if failures:
            said += f"; {failures} failed"
        result.append(
            f"| {table.title}: {name} | {wanted} | {worst:.2f} | {mean:.2f} | {said} |"
        )
    return result


def summarise(tables: list) -> str:
    lines = [
        "| row | at least | worst | geomean | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for table in tables:
        lines += summary_lines(table)
    return "\n".join(lines)


def format_value(table: Table, line: Line, name: str) -> str:
    if name not in line.values:
        return ""
    value = line.values[name]
    reached = table.goals[name].holds(value, line.least.get(name))
    return f"{value:.2f}" if reached else f"**{value:.2f}**"


def format_table(table: Table) -> list:
    lines = [f"## {table.title}", ""]
    for name, goal in table.goals.items():
        parts = [
            f"each {bound(goal, goal.least)}" if goal.least is not None else "",
            f"geomean {bound(goal, goal.geomean)}" if goal.geomean else "",
            f"aim {bound(goal, goal.aim)}" if goal.aim else "",
        ]
        wanted = ", ".join(part for part in parts if part)
        mean = table.geomean(name)
        measured = f"; the geomean is {mean:.2f}" if mean else ""
        lines.append(f"- {name}: {wanted or 'bounds by line'}{measured}")
    if table.note:
        lines += ["", table.note]
    sides: list = []
    for line in table.lines:
        sides += [side for side in line.ms if side not in sides]
    if table.lines:
        columns = ["case", "threads", *(f"{side}, ms" for side in sides), *table.goals]
        lines += ["", f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for line in table.lines:
        cells = [line.case, str(line.threads or "")]
        if line.failed:
            cells.append("failed: " + " ".join(line.failed.split()).replace("|", "\\|"))
        else:
            cells += [
                f"{line.ms[side]:.3g}" if side in line.ms else "" for side in sides
            ]
            cells += [format_value(table, line, name) for name in table.goals]
        lines.append(f"| {' | '.join(cells)} |")
    return lines + [""]


def describe_commit() -> str:
    folder = pathlib.Path(__file__).resolve().parent
    done = subprocess.run(
        ["git", "-C", folder, "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "unknown"


def describe_machine(bench: Bench) -> list:
    """What it could do in the rounds of each case: medians, and quartiles."""
    lines = []
    for threads in bench.threads:
        rates = [rate for rate in bench.machine if rate[0] == threads]
        if len(rates) < 2:
            continue
        flops = statistics.quantiles([rate[1] / 1e9 for rate in rates])
        read = statistics.quantiles([rate[2] / 1e9 for rate in rates])
        lines.append(
            f"| {threads} | {flops[1]:.0f} ({flops[0]:.0f}-{flops[2]:.0f}) "
            f"| {read[1]:.1f} ({read[0]:.1f}-{read[2]:.1f}) |"
        )
    head = ["| threads | f32 multiply-adds, GFLOP/s | reading memory, GB/s |"]
    return [*head, "| --- | --- | --- |", *lines] if lines else []


def write_report(
    folder: pathlib.Path, command: str, bench: Bench, tables: list, seconds: float
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    commit = describe_commit()
    stem = "cpu" if bench.isa.name == "native" else f"cpu-{bench.isa.name}"
    lines = [
        "# CPU code against libraries",
        "",
        f"`{command}` at {commit}, {cores} cores of {processor()}; "
        f"{bench.rounds} rounds, {seconds / 60:.0f} minutes.",
        "",
        "Ratios are medians over rounds of peer / ours: more than 1 is faster than the "
        'peer. Bold: short of "at least". See [README](../README.md).',
        "",
        summarise(tables),
        "",
        f"![ratios]({stem}.svg)",
        "",
        "In the same rounds the machine could do (median, quartiles over cases):",
        "",
        *describe_machine(bench),
        "",
    ]
    for table in tables:
        lines += format_table(table)
    (folder / f"{stem}.md").write_text("\n".join(lines).rstrip() + "\n")
    data = {
        "command": command,
        "commit": commit,
        "processor": processor(),
        "cores": cores,
        "rounds": bench.rounds,
        "machine": [
            {"threads": threads, "flops": flops, "bandwidth": bandwidth}
            for threads, flops, bandwidth in bench.machine
        ],
        "tables": [dataclasses.asdict(table) for table in tables],
    }
    (folder / f"{stem}.json").write_text(json.dumps(data, indent=1) + "\n")
    from .plot import draw

    draw(tables, folder / f"{stem}.svg")
