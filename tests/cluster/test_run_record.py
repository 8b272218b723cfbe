from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.run_record import (
    RunRecord,
    create_or_find,
    create_or_resume,
    differing_fields,
    read_record,
)
from cluster.storage import Storage
from diffcxr.errors import InputError, RefusedError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = st.dictionaries(st.text(max_size=3), VALUES, max_size=3)


def record(**changes: object) -> RunRecord:
    pixels = {"steps": 20, "guidance": 2.0, "codec": {"format": "png", "level": 6}}
    return RunRecord(pixels | changes, {"limit": None, "samples_per_report": 1}, {"torch": "2.14"})


def test_the_same_run_resumes_and_keeps_the_stack_of_its_start(uri: str) -> None:
    storage = Storage.at(uri)
    assert read_record(storage) is None
    begun = create_or_resume(storage, record())
    again = create_or_resume(storage, RunRecord(record().pixels, record().plan, {"torch": "3.0"}))
    assert begun == again == read_record(storage)
    assert again.stack == {"torch": "2.14"}


def test_another_run_is_refused_and_every_differing_field_is_named(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    create_or_resume(storage, record())
    before = storage.read("run.json")
    other = RunRecord(
        {"steps": 50, "guidance": 2.0, "codec": {"format": "jpeg", "level": 6}}, {"limit": 5}, {}
    )
    with pytest.raises(RefusedError) as caught:
        create_or_resume(storage, other)
    line = str(caught.value)
    assert "pixels.steps is 20 there and 50 here" in line
    assert 'pixels.codec.format is "png" there and "jpeg" here' in line
    assert "plan.limit is null there and 5 here" in line
    assert "plan.samples_per_report is 1 there and absent here" in line
    assert "guidance" not in line and "level" not in line
    assert caught.value.exit_code == 4 and storage.read("run.json") == before


def test_two_drivers_at_once_agree_on_one_record(uri: str) -> None:
    storage = Storage.at(uri)
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: create_or_find(storage, record()), range(8)))
    assert all(each == record() for each, _ in begun)
    assert sorted(found for _, found in begun) == [False] + 7 * [True], "one has begun it, the others resume"


@given(FIELDS, FIELDS)
def test_a_record_survives_the_way_through_json_and_its_hash_is_its_identity(
    pixels: dict[str, object], plan: dict[str, object]
) -> None:
    made = RunRecord(pixels, plan, {})
    assert differing_fields(made, RunRecord(dict(reversed(list(pixels.items()))), plan, {})) == []
    assert made.plan_hash == RunRecord(dict(reversed(list(pixels.items()))), plan, {"torch": "1"}).plan_hash
    assert made.plan_hash != RunRecord(pixels | {"more": 1}, plan, {}).plan_hash
    assert made.plan_hash != RunRecord(plan, pixels, {}).plan_hash or pixels == plan


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"pixels": {}, "plan": {}, "stack": {}}'])
def test_a_record_that_cannot_be_read_is_an_input_error(tmp_path: Path, damaged: bytes) -> None:
    storage = Storage.at(tmp_path)
    storage.create("run.json", damaged)
    with pytest.raises(InputError, match="run record"):
        create_or_resume(storage, record())


def test_a_record_that_was_edited_by_hand_is_found(tmp_path: Path) -> None:
    storage = Storage.at(tmp_path)
    create_or_resume(storage, record())
    storage.replace("run.json", storage.read("run.json").replace(b'"steps": 20', b'"steps": 21'))
    with pytest.raises(InputError, match="does not match its own hash"):
        read_record(storage)
