"""dlt normalises nested records; prints the CPU seconds of that step alone, and rows by table.

Arguments: the file of records, a folder for dlt, the format of its loader files. What dlt extracts
before is not counted, nor is any load. Chosen for dlt's benefit: one process, no compression,
no telemetry.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import dlt


def cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main(file: str, folder: str, form: str) -> None:
    dlt.config["normalize.data_writer.disable_compression"] = True
    with Path(file).open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    pipeline = dlt.pipeline(
        "orgs",
        pipelines_dir=folder,
        destination=dlt.destinations.duckdb(f"{folder}/orgs.duckdb"),
        dataset_name="orgs",
    )
    orgs = dlt.resource(records, name="orgs", primary_key="_id")
    pipeline.extract(orgs, loader_file_format=form)
    del records, orgs
    began = cpu_s()
    done = pipeline.normalize()
    used = cpu_s() - began
    rows = {n: count for n, count in done.row_counts.items() if not n.startswith("_dlt")}
    print(json.dumps({"cpu_s": used, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
