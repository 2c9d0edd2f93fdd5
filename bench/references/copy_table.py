"""The bare reference: the best component at each end, and nothing else.

Arguments: source URL, target URL, table; a key column when rows changed since the target's newest
`updated_at` are to be merged. PostgreSQL is read and written by COPY (psql), binary from one to
the other; MariaDB writes one CSV line per row; pyarrow.csv reads lines for DuckDB.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
from pyarrow import csv

# PostgreSQL's and MariaDB's names of types, as far as the measured tables use them.
_TYPES = {
    "bigint": pa.int64(), "integer": pa.int32(), "int": pa.int32(), "character": pa.string(),
    "char": pa.string(), "character varying": pa.string(), "varchar": pa.string(),
    "date": pa.date32(), "timestamp without time zone": pa.timestamp("us"),
    "datetime": pa.timestamp("us"), "double precision": pa.float64(), "double": pa.float64(),
    "boolean": pa.bool_(), "tinyint": pa.int8(),
}  # fmt: skip


def main(source: str, target: str, table: str, key: str = "") -> None:
    if target.startswith("postgresql:"):
        _into_postgres(source, target, table, key)
    else:
        _into_duckdb(source, target.removeprefix("duckdb:///"), table, key)


def _into_postgres(source: str, target: str, table: str, key: str) -> None:
    columns = [f"{name} {kind}" for name, kind in _declared(source, table)]
    names = [column.split()[0] for column in columns]
    if key:
        since = _psql_value(target, f"select max(updated_at) from {table}")
        rest = [name for name in names if name != key]
        upsert = (
            f"insert into {table} as t select * from s on conflict ({key}) do update set "
            f"({', '.join(rest)}) = ({', '.join(f'excluded.{name}' for name in rest)}) "
            "where (t.*) is distinct from (excluded.*)"
        )
        told = [
            f"create temporary table s (like {table})",
            "copy s from stdin (format binary)",
            upsert,
        ]
        query = f"select * from {table} where updated_at > '{since}'"
    else:
        told = [
            "begin",
            f"drop table if exists {table}",
            f"create table {table} ({', '.join(columns)})",
            f"copy {table} from stdin (format binary)",
            f"alter table {table} add primary key ({names[0]})",
            "commit",
        ]
        query = f"select * from {table}"
    reader = subprocess.Popen(
        [*_psql(source), f"copy ({query}) to stdout (format binary)"], stdout=subprocess.PIPE
    )
    words = [word for one in told for word in ("-c", one)]
    subprocess.run([*_psql(target)[:-1], *words], check=True, stdin=reader.stdout)
    if reader.wait():
        raise RuntimeError("the reader failed")


def _into_duckdb(source: str, file: str, table: str, key: str) -> None:
    with duckdb.connect(file) as target:
        since = ""
        if key:
            newest = target.execute(f"select max(updated_at) from {table}").fetchall()
            since = f" where updated_at > '{newest[0][0]}'"
        declared = _declared(source, table)
        with _lines(source, table, declared, since) as lines:
            rows = _reader(lines, declared)
            target.register("rows", rows)
            if not key:
                target.execute(f"create or replace table {table} as select * from rows")
                return
            target.execute("create temporary table s as select * from rows")
        target.execute("begin")
        target.execute(f"delete from {table} using s where {table}.{key} = s.{key}")
        target.execute(f"insert into {table} select * from s")
        target.execute("commit")


def _reader(lines: IO[bytes], declared: list[tuple[str, str]]) -> pa.RecordBatchReader:
    return csv.open_csv(
        lines,
        read_options=csv.ReadOptions(column_names=[n for n, _ in declared], block_size=4 << 20),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={name: _arrow(kind) for name, kind in declared},
            null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
            true_values=["t", "1"], false_values=["f", "0"],
        ),
    )  # fmt: skip


@contextmanager
def _lines(
    source: str, table: str, declared: list[tuple[str, str]], where: str
) -> Iterator[IO[bytes]]:
    if source.startswith("postgresql:"):
        query = f"copy (select * from {table}{where}) to stdout (format csv)"
        command = [*_psql(source), query]
    else:
        columns = ", ".join(_maria_text(name, kind) for name, kind in declared)
        query = f"select concat_ws(',', {columns}) from {table}{where}"
        command = [*_maria(source), "--quick", "-e", query]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout
        if process.wait():
            raise RuntimeError("the reader failed")


def _maria_text(name: str, kind: str) -> str:
    if _arrow(kind) != pa.string():
        return f"ifnull({name}, '')"
    return f"""ifnull(concat('"', replace({name}, '"', '""'), '"'), '')"""


def _arrow(kind: str) -> Any:
    if kind.startswith(("numeric", "decimal")):
        return pa.decimal128(*map(int, kind[kind.index("(") + 1 : -1].split(",")))
    return _TYPES[kind.partition("(")[0]]


def _declared(source: str, table: str) -> list[tuple[str, str]]:
    """Names and types of the columns, in order."""
    if source.startswith("postgresql:"):
        query = (
            "select attname || e'\\t' || format_type(atttypid, atttypmod) from pg_attribute "
            f"where attrelid = '{table}'::regclass and attnum > 0 and not attisdropped "
            "order by attnum"
        )
        said = _psql_value(source, query)
    else:
        query = (
            "select column_name, column_type from information_schema.columns where "
            f"table_schema = database() and table_name = '{table}' order by ordinal_position"
        )
        said = subprocess.run(
            [*_maria(source), "-e", query], check=True, capture_output=True, text=True
        ).stdout.strip()
    return [tuple(line.split("\t")) for line in said.splitlines()]  # type: ignore[misc]


def _psql(url: str) -> list[str]:
    return ["psql", url, "-qXAtv", "ON_ERROR_STOP=1", "-c"]


def _psql_value(url: str, query: str) -> str:
    done = subprocess.run([*_psql(url), query], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _maria(url: str) -> list[str]:
    place = urlsplit(url)
    return [
        "mariadb", "--no-defaults", "--protocol=tcp", f"-h{place.hostname}", f"-P{place.port}",
        f"-u{place.username}", f"-p{place.password}", "--default-character-set=utf8mb4",
        "--batch", "--raw", "--skip-column-names", place.path[1:],
    ]  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
