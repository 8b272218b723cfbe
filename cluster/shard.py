"""A shard: the rows of one unit of work as one Parquet object, created once (DESIGN 3, 5)."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cluster.schema import ROW_SCHEMA, check_schema
from cluster.storage import Storage
from cluster.storage_errors import MissingError, UnavailableError
from diffcxr.errors import InputError, RefusedError
from diffcxr.sources.row import Reject

MAX_SHARD_BYTES = 256 << 20  # one put, held in memory
STACK_KEY = "stack"
"""In the metadata of a generated shard: the versions and the processor that made it, as JSON."""
_KEY = b"diffcxr."
_TAIL = 64 << 10  # bytes; the footer of a shard with a thousand rejects still fits
_MAGIC = b"PAR1"
_CREATES = 3  # tries
_DAMAGED_FIX = "The shard is damaged: restore it, or make the corpus again in another place."


@dataclass(frozen=True, slots=True)
class Footer:
    """What a shard says about itself."""

    plan_hash: str
    unit: int
    rows: int
    rejects: tuple[Reject, ...]
    content_sha256: str
    metadata: Mapping[str, str]  # whatever else its writer recorded
    reports: int | None = None  # rows with sample_index 0; None in shards of before this was recorded


def shard_path(unit: int) -> str:
    """The object of unit `unit`, below the corpus."""
    return f"shards/{unit:05d}.parquet"


def encode_shard(
    table: pa.Table,
    plan_hash: str,
    unit: int,
    rejects: Sequence[Reject] = (),
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """A shard's bytes: the same for the same arguments, in any process on one version of pyarrow.

    The images are stored as they are (they are compressed already); other columns by zstd. There are no
    column statistics, which would copy report text into the footer; every page carries its checksum.

    Raises InputError where the columns are not ROW_SCHEMA's or the shard is larger than MAX_SHARD_BYTES.
    """
    check_schema(table.schema, shard_path(unit))
    table = table.replace_schema_metadata(ROW_SCHEMA.metadata)
    facts = {
        "plan_hash": plan_hash,
        "unit": str(unit),
        "rows": str(table.num_rows),
        "reports": str(pc.sum(pc.equal(table.column("sample_index"), 0)).as_py() or 0),
        "rejects": json.dumps([asdict(reject) for reject in rejects], sort_keys=True),
        "content_sha256": content_sha256(table),
        "metadata": json.dumps(dict(metadata or {}), sort_keys=True),
    }
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression={path: "none" if path == "image.bytes" else "zstd" for path in _leaves(table.schema)},
        use_dictionary=["patient_id", "view", "sex", "split"],
        write_statistics=False,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(table, row_group_size=max(table.num_rows, 1))
        writer.add_key_value_metadata({f"{_KEY.decode()}{name}": value for name, value in facts.items()})
    data: bytes = sink.getvalue().to_pybytes()
    if len(data) > MAX_SHARD_BYTES:
        what = f"a shard of {len(data) >> 20} MiB; at most {MAX_SHARD_BYTES >> 20} are allowed"
        raise InputError(what, shard_path(unit), "Lower shard_rows, or images_per_shard.")
    return data


def content_sha256(table: pa.Table) -> str:
    """SHA-256 over the rows in their order, every column: what a shard holds, whatever its encoding."""
    digest = hashlib.sha256()
    encode = json.JSONEncoder(sort_keys=True).encode
    images = table.column("image")
    records = table.drop_columns(["image"]).to_pylist()
    paths = pc.struct_field(images, "path").to_pylist()
    for record, path, image in zip(records, paths, pc.struct_field(images, "bytes"), strict=True):
        data = image.as_buffer()  # None where there is no image
        record["image.path"] = path
        record["image.size"] = None if data is None else data.size
        line = encode(record).encode()
        digest.update(struct.pack("<Q", len(line)))
        digest.update(line)
        if data is not None:
            digest.update(data)
    return digest.hexdigest()


def read_footer(storage: Storage, path: str) -> Footer:
    """What the shard at `path` says about itself, by one ranged read, or two where its footer is large.

    Raises MissingError where there is none and InputError where it is no shard, or cut short.
    """
    tail = storage.read_range(path, -_TAIL, _TAIL)
    needed = struct.unpack("<I", tail[-8:-4])[0] + 8 if len(tail) >= 12 else 0
    if needed > len(tail) == _TAIL:
        tail = storage.read_range(path, -needed, needed)
    return parse_footer(tail, storage.child(path).uri)


def parse_footer(tail: bytes, where: str) -> Footer:
    """The footer from a shard's last bytes (or all of them). Raises InputError where they are no shard's."""
    if len(tail) < 12 or tail[-4:] != _MAGIC:
        raise InputError("not a Parquet file, or cut short", where, _DAMAGED_FIX)
    try:
        parquet = pq.read_metadata(pa.BufferReader(tail))
        facts = {
            k.removeprefix(_KEY).decode(): v.decode()
            for k, v in (parquet.metadata or {}).items()
            if _KEY in k
        }
        footer = Footer(
            plan_hash=facts["plan_hash"],
            unit=int(facts["unit"]),
            rows=int(facts["rows"]),
            rejects=tuple(Reject(**reject) for reject in json.loads(facts["rejects"])),
            content_sha256=facts["content_sha256"],
            metadata=json.loads(facts["metadata"]),
            reports=int(facts["reports"]) if "reports" in facts else None,
        )
    except KeyError as error:
        what = "a Parquet file that diffcxr did not write"
        raise InputError(what, where, "Bring it in with `diffcxr corpus source=table`.") from error
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise InputError("the shard's footer cannot be read", where, _DAMAGED_FIX) from error
    if footer.rows != parquet.num_rows:
        raise InputError("the shard's footer contradicts itself", where, _DAMAGED_FIX)
    return footer


def read_shard(
    storage: Storage,
    path: str,
    columns: Sequence[str] | None = None,
    verify: bool = True,
    digest: str | None = None,
) -> pa.Table:
    """The shard's rows, all columns or those named, in ROW_SCHEMA's types.

    Pages are checked against their checksums, and the footer's content_sha256 against `digest` where it is
    given; with `verify` and all columns, the rows against content_sha256 too. Raises MissingError where there
    is no shard and InputError where it is damaged.
    """
    where = storage.child(path).uri
    try:
        if columns is None or "image" in columns:  # nearly all bytes are images': one request is the fastest
            data = storage.read(path)
            footer = parse_footer(data, where)
            table = _read_table(pa.BufferReader(data), columns)
        else:
            footer = read_footer(storage, path)
            with storage.open(path) as file:
                table = _read_table(file, columns)
    except (pa.ArrowException, OSError) as error:
        what = "the shard's pages cannot be read, or fail their checksums"
        raise InputError(what, where, _DAMAGED_FIX) from error
    if digest is not None and footer.content_sha256 != digest:
        raise InputError(
            "the shard is not the one in the corpus manifest: checksums differ", where, _DAMAGED_FIX
        )
    if columns is None:
        check_schema(table.schema, where)
        if verify and content_sha256(table) != footer.content_sha256:
            raise InputError("the shard's rows do not match its checksum", where, _DAMAGED_FIX)
    return table.replace_schema_metadata(ROW_SCHEMA.metadata if columns is None else None)


def commit_shard(storage: Storage, unit: int, data: bytes) -> bool:
    """True when the shard came into being here; False when the same unit of the same plan is there already.

    Raises RefusedError where another run's shard is there, which is then left as it is.
    """
    path = shard_path(unit)
    here = parse_footer(data, path)
    damage: InputError | None = None
    for _ in range(_CREATES):
        if storage.create(path, data):
            return True
        # Another writer was first, or the answer to our own create was lost and its retry met our object.
        try:
            there = read_footer(storage, path)
        except UnavailableError:
            raise
        except MissingError:  # S3 says "exists" also while another create is under way, which may still fail
            continue
        except InputError as error:  # damaged, unless the store is going down and answered with a part of it
            damage = error
            continue
        if (there.plan_hash, there.unit) != (here.plan_hash, here.unit):
            what, where = "the output holds a shard of another run", storage.child(path).uri
            raise RefusedError(what, where, "Choose a new output.")
        return False
    if damage is not None:
        raise damage
    what = "the store says that a shard exists, and shows none"
    raise UnavailableError(what, storage.child(path).uri, "Run the same command again.")


def _read_table(source: object, columns: Sequence[str] | None) -> pa.Table:
    with pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=True) as file:
        names = None if columns is None else list(columns)
        return file.read(columns=names, use_threads=False)


def _leaves(schema: pa.Schema) -> list[str]:
    """Parquet's names of the columns that hold values: `labels.Edema`, `image.bytes`."""
    return [
        path
        for field in schema
        for path in (
            [f"{field.name}.{child.name}" for child in field.type]
            if pa.types.is_struct(field.type)
            else [field.name]
        )
    ]
