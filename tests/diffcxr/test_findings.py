from diffcxr.findings import truth_of


def test_unmentioned_is_negative_and_uncertain_and_unlabelled_are_unknown() -> None:
    labels = [{"Edema": 1, "Fracture": -1}, {"Edema": None, "Fracture": 0}, None]
    assert truth_of(labels, ["Edema", "Fracture"]).tolist() == [[1, -1], [0, 0], [-1, -1]]
