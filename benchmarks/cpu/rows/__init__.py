"""The rows of the table: each module measures one, by `measure(bench) -> Table`."""
