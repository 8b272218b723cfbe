"""A patient's thorax, which they keep from film to film, and how one film catches it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffcxr.phantom.canvas import Pose
from diffcxr.phantom.study import Study, generator, patient_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """Lengths in chest units (the film's half-width at a neutral pose), optical depths without unit."""

    half_width: float  # from the midline to the inner chest wall at its widest
    apex: float  # v of the lung's top
    dome_right: float  # v of the diaphragm's domes
    dome_left: float
    dome_height: float  # how far the costophrenic angle lies under the dome
    chest_shape: float  # exponent: large is barrel-chested
    heart_right: float  # from the midline to the right and left border
    heart_left: float
    heart_low: float  # v of the left ventricle's widest place
    upper_right: float  # half widths of the upper mediastinum
    upper_left: float
    knob: float  # how far the aortic knob stands out
    knob_v: float
    spine_width: float
    vertebra: float  # height of one, with its disc
    rib_spacing: float
    rib_width: float  # share of the spacing
    rib_slope: float
    rib_phase: float
    bone: float  # optical depth of a rib; falls with age
    clavicle_v: float
    clavicle_rise: float
    flesh: float  # optical depth of soft tissue
    margin: float  # soft tissue lateral to the ribs
    breast: float  # optical depth, 0 in men
    breast_v: float
    stomach_gas: float
    vessel_density: float
    vessel_seed: int

    @property
    def cardiothoracic_ratio(self) -> float:
        """Heart width by inner chest width, normal below 0.5."""
        return (self.heart_right + self.heart_left) / (2 * self.half_width)


def sample_anatomy(study: Study) -> Anatomy:
    """The patient's own anatomy, healthy: the same for each of their studies."""
    rng = generator(study.seed, patient_number(study.index), "anatomy")
    woman, old = study.sex == "F", (study.age - 58) / 40
    half_width = float(np.clip(rng.normal(0.63 if woman else 0.67, 0.035), 0.55, 0.76))
    ratio = float(np.clip(rng.normal(0.435 + 0.012 * old, 0.022), 0.37, 0.475))
    heart = 2 * half_width * ratio
    right_share = rng.uniform(0.28, 0.38)
    dome_right = rng.normal(0.40, 0.04)
    spacing = rng.uniform(0.108, 0.132)
    return Anatomy(
        half_width=half_width,
        apex=rng.normal(-0.72, 0.03),
        dome_right=dome_right,
        dome_left=dome_right + rng.uniform(0.01, 0.08),
        dome_height=rng.uniform(0.14, 0.24),
        chest_shape=rng.uniform(1.9, 3.0),
        heart_right=heart * right_share,
        heart_left=heart * (1 - right_share),
        heart_low=rng.uniform(0.18, 0.28),
        upper_right=rng.uniform(0.085, 0.115),
        upper_left=rng.uniform(0.085, 0.115),
        knob=rng.uniform(0.02, 0.05) + 0.02 * max(0.0, old),
        knob_v=rng.uniform(-0.32, -0.26),
        spine_width=rng.uniform(0.062, 0.085),
        vertebra=rng.uniform(0.10, 0.125),
        rib_spacing=spacing,
        rib_width=rng.uniform(0.34, 0.46),
        rib_slope=rng.uniform(0.16, 0.36),
        rib_phase=rng.uniform(0, 1),
        bone=rng.uniform(0.16, 0.30) - 0.04 * old,
        clavicle_v=rng.uniform(-0.60, -0.50),
        clavicle_rise=rng.uniform(0.02, 0.16),
        flesh=2.35 + 0.35 * study.habitus + rng.normal(0, 0.08),
        margin=float(np.clip(0.13 + 0.09 * study.habitus + rng.normal(0, 0.02), 0.05, 0.28)),
        breast=rng.uniform(0.12, 0.42) * (1 + 0.4 * study.habitus) if woman else 0.0,
        breast_v=rng.uniform(0.12, 0.36),
        stomach_gas=rng.uniform(-0.06, 0.12),
        vessel_density=rng.uniform(0.7, 1.3),
        vessel_seed=int(rng.integers(2**31)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """From attenuation to grey."""

    scatter: float  # share of the beam that arrives scattered
    noise: float  # sd of the log exposure in an average place
    black: float  # optical depths of black and white
    white: float
    gamma: float
    equalise: float  # how much of the wide contrast the scanner's processing takes away
    sharpen: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What belongs to one film: pose, breath and exposure."""

    pose: Pose
    exposure: Exposure
    breath: float  # the diaphragm's v, against full inspiration (positive is higher up)
    magnify: float  # of heart and mediastinum
    scapula: float  # how far the shoulder blades lie over the lungs, 0 out
    arms: bool  # beside the body
    marker: str  # the lead letter: "L", "R" or ""
    marker_v: float  # its place, in film heights from the top


def sample_shot(study: Study) -> Shot:
    """This film's pose and exposure. A portable AP film lies, breathes and magnifies worse than a PA one."""
    rng = generator(study.seed, study.index, "film")
    portable = study.view == "AP"
    pose = Pose(
        zoom=float(np.clip(rng.normal(1.12, 0.085), 0.90, 1.28)),
        shift_u=float(np.clip(rng.normal(0, 0.06), -0.15, 0.15)),
        shift_v=float(np.clip(rng.normal(0.07, 0.06), -0.05, 0.17)),
        tilt=float(np.clip(rng.normal(0, 0.06 if portable else 0.03), -0.14, 0.14)),
        turn=float(np.clip(rng.normal(0, 0.035 if portable else 0.018), -0.08, 0.08)),
        bend=float(rng.normal(0, 0.012)),
    )
    black = rng.uniform(0.35, 0.75)
    exposure = Exposure(
        scatter=float(rng.uniform(0.03, 0.07) * (1.5 + study.habitus) * (1.3 if portable else 1.0)),
        noise=float(rng.uniform(0.005, 0.024)),
        black=float(black),
        white=float(black + rng.uniform(2.1, 2.9) + 0.25 * study.habitus),
        gamma=float(rng.uniform(0.8, 1.35)),
        equalise=float(rng.uniform(0.0, 0.35)),
        sharpen=float(rng.uniform(0.0, 0.6)),
    )
    return Shot(
        pose=pose,
        exposure=exposure,
        breath=float(np.clip(rng.normal(0.07 if portable else 0.0, 0.045), -0.06, 0.18)),
        magnify=1.06 if portable else 1.0,
        scapula=float(rng.uniform(0.5, 1.0) if portable else rng.uniform(0.0, 0.4)),
        arms=bool(portable and rng.random() < 0.7),
        marker=str(rng.choice(["", "L", "R"])),
        marker_v=float(rng.uniform(0.03, 0.22)),
    )
