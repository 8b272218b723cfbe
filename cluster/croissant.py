"""What `corpus.json` says in the words of Croissant 1.0, the ML data-set description on top of schema.org.

Source: http://mlcommons.org/croissant/1.0. The manifest's own fields stay beside Croissant's: the context
gives them names of their own, so that no reader takes them for schema.org's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from cluster.schema import ROW_SCHEMA

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
SHARD_FILES = "shards/*.parquet"
_ROWS, _FILES = "rows", "shard-files"

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_OWN = (
    "digest",
    "licence",
    "parent",
    "plan_hash",
    "provenance",
    "rejects",
    "rows",
    "schema",
    "shards",
    "stacks",
)
_OWN_CONTEXT = {"diffcxr": "urn:diffcxr:"} | {
    name: {"@id": f"diffcxr:{name}", "@type": "@json"} for name in _OWN
}

_TYPES = {"string": "sc:Text", "int8": "sc:Integer", "int32": "sc:Integer", "int64": "sc:Integer"}
_TYPES |= {"float": "sc:Float"}
_MEANS = {
    "report_id": "The study.",
    "sample_index": "Which film of the study; of a generated set, which of its samples.",
    "patient_id": "Splits and bootstraps go by it.",
    "text": "The prompt, as the model is given it.",
    "findings": "The report's section, verbatim.",
    "impression": "The report's section, verbatim.",
    "labels": "CheXpert-14: 1 present, 0 absent, -1 uncertain, null unmentioned.",
    "view": "PA, AP or LATERAL.",
    "sex": "F or M.",
    "age": "Years.",
    "split": "train, validate or test.",
    "image": "PNG, JPEG or WebP.",
    "seed": "The sample's own noise seed; of generated rows.",
    "truth": "The drawn study as JSON; of phantom rows.",
}


def describe_dataset(
    name: str,
    description: str,
    licence: str,
    creators: Sequence[str],
    published: date,
    keywords: Sequence[str],
) -> dict[str, Any]:
    """The data-set level of a Croissant description, with its files and the fields of its rows.

    Args:
        licence: an SPDX identifier, or a licence in words.
        creators: organisations that made the rows.
        published: the day on which the corpus came into being.
    """
    return {
        "@context": dict(sorted((_CONTEXT | _OWN_CONTEXT).items())),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": name,
        "description": description,
        "license": licence_url(licence) or licence,
        "url": "./",  # a corpus does not know where it lies, and is the same wherever it is copied
        "creator": [{"@type": "sc:Organization", "name": creator} for creator in creators],
        "datePublished": published.isoformat(),
        "keywords": list(keywords),
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": _FILES,
                "name": _FILES,
                "description": "The rows, one Parquet file a unit of work.",
                "encodingFormat": "application/x-parquet",
                "includes": SHARD_FILES,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": _ROWS,
                "name": _ROWS,
                "description": "A row is a film, or a report without one.",
                "key": [{"@id": f"{_ROWS}/report_id"}, {"@id": f"{_ROWS}/sample_index"}],
                "field": [field for column in ROW_SCHEMA for field in _fields(column)],
            }
        ],
    }


def licence_url(licence: str) -> str | None:
    """The page of an SPDX identifier (recognised by its form: no spaces); None of a licence in words."""
    if " " in licence or licence in ("", "unknown"):
        return None
    return f"https://spdx.org/licenses/{licence}.html"


def _fields(column: pa.Field) -> list[dict[str, Any]]:
    """A column's fields: one, or one for each child of the labels."""
    if column.name == "image":
        return [_field(column.name, "sc:ImageObject", column.name, "bytes")]
    if pa.types.is_struct(column.type):
        return [
            _field(f"{column.name}/{child.name}", _TYPES[str(child.type)], column.name, child.name)
            for child in column.type
        ]
    return [_field(column.name, _TYPES[str(column.type)], column.name)]


def _field(name: str, kind: str, column: str, child: str | None = None) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": _FILES}, "extract": {"column": column}}
    if child is not None:
        source["transform"] = {"jsonPath": child if child.isidentifier() else f"$['{child}']"}
    return {
        "@type": "cr:Field",
        "@id": f"{_ROWS}/{name}".replace(" ", "_"),
        "name": name,
        "description": _MEANS[column],
        "dataType": kind,
        "source": source,
    }
