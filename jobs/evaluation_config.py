"""What `diffcxr evaluate` can be told."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.options import config_group, option, required

OF_MOMENTS = ("fid", "fid_infinity")
OF_CLASSES = ("inception_score", "inception_score_10")
OF_FEATURES = (*OF_MOMENTS, "fid_finding", "kid", "kid_whole", "prdc", "vendi", *OF_CLASSES)
OF_CLASSIFIER = ("mauc", "mauc_paired", "f1", "f1_paired", "calibration")
METRICS = (*OF_FEATURES, *OF_CLASSIFIER, "ms_ssim", "alignment")
"""`alignment` is retrieval too."""
EXTRACTORS = (
    "efficientnet_lite0", "inception", "inception_256", "inception_299", "inception_clean",
    "inception_fidelity", "xrv", "xrv_clean", "rad_dino", "rad_dino_299", "backbone", "named", "mini_vlm",
    "biomedclip", "biovil_t", "finding_classifier",
)  # fmt: skip


@dataclass(kw_only=True)
class Config:
    """Measure a corpus of synthetic films; the same command again takes up what was extracted before."""

    real: str = required(help="URI of a corpus with real films, or of what publish wrote of one")
    synthetic: str | None = option(
        None, help="URI of a corpus with synthetic films; null: with publish alone"
    )
    rival: str | None = option(
        None, help="URI of another corpus with synthetic films, to be compared with; null: none"
    )
    output: str = required(help="URI of the folder for metrics.json and metrics.parquet")
    preset: str = config_group(
        "preset",
        default="own",
        help="values of the other options to begin with. own: the defaults below; the others measure as a "
        "paper does, with what is wrong with that beside it",
    )
    metrics: list[str] = option(["fid", "mauc"], help="what to measure", choices=METRICS)
    extractors: list[str] = option(
        ["efficientnet_lite0"],
        help="whose features FID, KID, PRDC, Vendi and inception scores take",
        choices=EXTRACTORS,
    )
    inception_weights: str | None = option(
        None, help="file of pytorch-fid's weights; null: its usual download"
    )
    xrv_weights: str | None = option(
        None, help="file of torchxrayvision's densenet121-res224-all, as a state_dict"
    )
    rad_dino_weights: str | None = option(None, help="transformers folder of RAD-DINO")
    biomedclip_weights: str | None = option(None, help="folder of BiomedCLIP, as published")
    biovil_t_weights: str | None = option(None, help="folder of BioViL-T, as published")
    backbone_weights: str | None = option(
        None, help="transformers folder of another image backbone, for extractors=[backbone]"
    )
    named_model: str | None = option(None, help="torchvision/NAME or timm/NAME, for extractors=[named]")
    named_weights: str | None = option(None, help="file of its state_dict")
    classifier: str = option(
        "mini", help="for mAUC: mini, xrv (by xrv_weights), or a folder or URI of a finding classifier"
    )
    matcher: str = option(
        "mini", help="for alignment: mini, a model folder, or that of BiomedCLIP or BioViL-T as published"
    )
    real_split: str | None = option(None, help="which real rows to take; null: all")
    reference_split: str | None = option(
        None, help="further rows of real, from which FID, KID and PRDC are taken too; null: none"
    )
    synthetic_split: str | None = option(None, help="which synthetic rows to take, a rival's too; null: all")
    validation_split: str | None = option(None, help="real rows on which f1 chooses its thresholds")
    cache: str | None = option(None, help="URI where features are kept; null: in the output")
    publish: str | None = option(
        None, help="URI of a .safetensors to write: what FID takes of real, so that others need no film of it"
    )
    publish_groups: bool = option(True, help="publish: with the groups of patients that intervals leave out")
    publish_floor: int | None = option(
        None, help="publish: films in a half of the floor; null: as many as may be", min=2
    )
    address: str | None = option(None, help="a Ray cluster's; null: RAY_ADDRESS, else a private one here")
