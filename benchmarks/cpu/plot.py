"""Draws the values of all tables: one panel for each goal, one dot for each line."""

from __future__ import annotations

import pathlib

COLOURS = {1: "#1f77b4", 2: "#ff7f0e"}
LEAST, AIM = "#d62728", "#2ca02c"
#: Of ratios: those within a panel's range are shown.
TICKS = [0.25, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 1.75]
TICKS += [2, 2.5, 3, 4, 6, 8, 12, 16, 24, 32]


def panels_of(tables: list) -> list:
    return [
        (table, name, [line for line in table.lines if name in line.values])
        for table in tables
        for name in table.goals
        if any(name in line.values for line in table.lines)
    ]


def scale_ratios(axes) -> None:
    axes.axhline(1, color="black", linewidth=0.5)
    axes.set_yscale("log", base=2)
    low, high = axes.get_ylim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    if high > 2 * low:
        ticks = [tick for tick in ticks if tick not in (0.95, 1.05, 1.1)]
    if high > 6 * low:
        ticks = [tick for tick in ticks if tick not in (0.9, 1.25, 1.75, 2.5)]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)


def draw_panel(axes, table, name: str, lines: list) -> None:
    goal = table.goals[name]
    cases = list(dict.fromkeys(line.case for line in lines))
    for threads in sorted({line.threads for line in lines}):
        mine = [line for line in lines if line.threads == threads]
        axes.scatter(
            [cases.index(line.case) for line in mine],
            [line.values[name] for line in mine],
            s=14,
            color=COLOURS.get(threads),
            label=f"{threads} thread{'s' if threads > 1 else ''}",
            zorder=3,
        )
    if goal.least is not None:
        axes.axhline(goal.least, color=LEAST, linewidth=0.8, label="at least")
    for line in lines:
        if name in line.least:
            place = cases.index(line.case)
            bound = line.least[name]
            axes.hlines(bound, place - 0.3, place + 0.3, color=LEAST, linewidth=0.8)
    if goal.aim is not None:
        axes.axhline(goal.aim, color=AIM, linewidth=0.8, ls="--", label="aim")
    if "share" in name:
        axes.set_ylim(bottom=0)
    else:
        scale_ratios(axes)
    better = " (less is better)" if goal.less_is_better else ""
    axes.set_title(f"{table.title}: {name}{better}", fontsize=9, loc="left")
    axes.set_xticks(range(len(cases)), cases, rotation=60, ha="right", fontsize=5)
    axes.tick_params(axis="y", labelsize=7)
    axes.grid(axis="y", linewidth=0.3)
    axes.legend(fontsize=6, ncols=4, loc="best")


def draw(tables: list, file: pathlib.Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    # The same numbers give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "moe-mlir"
    from matplotlib import pyplot

    panels = panels_of(tables)
    if not panels:
        return
    figure, all_axes = pyplot.subplots(
        len(panels),
        1,
        figsize=(10, 2.9 * len(panels)),
        squeeze=False,
        layout="constrained",
    )
    for axes, panel in zip(all_axes[:, 0], panels):
        draw_panel(axes, *panel)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
