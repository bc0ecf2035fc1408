"""The equations of a report: what the functions, the network, the scores and the tests of this study are.

Each is chosen by what the findings hold, so that no formula stands in a report that has no use for it. Formulas are in
the part of LaTeX that Matplotlib's mathtext knows too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Equation
from bpbench.report.language import marked, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Symbols = tuple[tuple[str, str], ...]

_DISTANCE: Final = (r"R_{ij}", marked("distance of neighbour j from the central atom i, periodic images included (Å)"))
_CUTOFF: Final = (r"f_c", marked("cutoff function; zero beyond the radius R_c"))
_WIDTH: Final = (r"\eta", marked("width (Å⁻²)"))
_ANGLE: Final = (
    (r"\theta_{ijk}", marked("angle at atom i between its neighbours j and k, each unordered pair counted once")),
    (r"\zeta", marked("narrowness of the angular part")),
    (r"\lambda", marked("+1 or −1: whether the maximum lies at 0° or at 180°")),
)

_FUNCTIONS: Final[dict[str, tuple[str, str, Symbols]]] = {
    "G2": (
        r"G^2_i = \sum_{j \neq i} e^{-\eta\,(R_{ij} - R_s)^2}\, f_c(R_{ij})",
        marked("G2 of atom i: the sum over its neighbours j of a Gaussian of the distance times the cutoff function."),
        (_DISTANCE, (r"R_s", marked("shift of the centre (Å)")), _WIDTH, _CUTOFF),
    ),
    "G4": (
        (
            r"G^4_i = 2^{1-\zeta} \sum_{j < k} (1 + \lambda \cos\theta_{ijk})^{\zeta}\, "
            r"e^{-\eta\,(R_{ij}^2 + R_{ik}^2 + R_{jk}^2)}\, f_c(R_{ij})\, f_c(R_{ik})\, f_c(R_{jk})"
        ),
        marked("G4 of atom i: as G5, with the distance of the two neighbours from each other besides."),
        (*_ANGLE, _WIDTH, (r"R_{jk}", marked("distance of the two neighbours from each other (Å)")), _CUTOFF),
    ),
    "G5": (
        (
            r"G^5_i = 2^{1-\zeta} \sum_{j < k} (1 + \lambda \cos\theta_{ijk})^{\zeta}\, "
            r"e^{-\eta\,(R_{ij}^2 + R_{ik}^2)}\, f_c(R_{ij})\, f_c(R_{ik})"
        ),
        marked(
            "G5 of atom i: the sum over pairs of neighbours of an angular part times a Gaussian of both distances "
            "times both cutoff functions."
        ),
        (*_ANGLE, _WIDTH, _CUTOFF),
    ),
}
_COSINE: Final = (
    r"f_c(R) = \dfrac{1}{2}\left[\cos\left(\dfrac{\pi R}{R_c}\right) + 1\right] \quad (R \leq R_c)",
    marked("The cutoff function: half a cosine wave from one at distance zero to zero at the cutoff radius."),
    ((r"R_c", marked("cutoff radius (Å)")),),
)


def functions(findings: Mapping[str, Any]) -> list[Equation]:
    """Return the symmetry functions that the sets hold, and the cutoff function where all have the cosine.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    held = [function for entry in findings["sets"] for function in entry.get("functions") or ()]
    kinds = {function["kind"] for function in held}
    made = [_equation(kind.lower(), *_FUNCTIONS[kind]) for kind in _FUNCTIONS if kind in kinds]
    if made and {function.get("cutoff", "cos") for function in held} == {"cos"}:
        made.append(_equation("cutoff", *_COSINE))
    return made


def energy(findings: Mapping[str, Any]) -> list[Equation]:
    """Return how a network makes an energy, nothing where there is none."""
    if not any(model["kind"] == "hdnn" for model in findings["models"]):
        return []
    formula = r"E = \sum_{i=1}^{N} E_i, \quad \mathbf{y}_i^{l} = f(\mathbf{W}^{l}\,\mathbf{y}_i^{l-1} + \mathbf{b}^{l})"
    alt = marked("The energy is the sum over atoms of a network's output; each layer is a function of the one before.")
    symbols = (
        (r"N", marked("number of atoms of the configuration")),
        (r"E_i", marked("output of the network for atom i (eV)")),
        (
            r"\mathbf{y}_i^{l}",
            marked("values of layer l for atom i; those of layer 0 are its standardised descriptors"),
        ),
        (
            r"\mathbf{W}^{l}, \mathbf{b}^{l}",
            marked("weights and biases of layer l, the same for all atoms of an element"),
        ),
        (r"f", marked("activation function; the identity for the last layer")),
    )
    return [_equation("energy", formula, alt, symbols)]


_SCORES: Final[dict[str, tuple[str, str, Symbols]]] = {
    "rmse": (
        r"\mathrm{RMSE} = \sqrt{\dfrac{1}{F}\sum_{f=1}^{F} \left(\dfrac{E_f - \hat{E}_f}{N_f}\right)^2}",
        marked("RMSE: the root of the mean squared error of the energy per atom over the configurations of a part."),
        (),
    ),
    "mae": (
        r"\mathrm{MAE} = \dfrac{1}{F}\sum_{f=1}^{F} \dfrac{|E_f - \hat{E}_f|}{N_f}",
        marked("MAE: the mean absolute error of the energy per atom over the configurations of a part."),
        (),
    ),
    "mse": (
        r"\mathrm{MSE} = \dfrac{1}{F}\sum_{f=1}^{F} (E_f - \hat{E}_f)^2",
        marked("MSE: the mean squared error of the energy of a configuration."),
        (),
    ),
    "half_mse": (
        r"\Gamma = \dfrac{1}{2F}\sum_{f=1}^{F} (E_f - \hat{E}_f)^2",
        marked("The cost: half the mean squared error of the energy of a configuration."),
        (),
    ),
}
_OF_SCORES: Final = (
    (r"F", marked("number of configurations")),
    (r"N_f", marked("atoms of configuration f")),
    (r"E_f, \hat{E}_f", marked("its reference energy and the predicted one (eV)")),
)
_ERRORS: Final = (
    (r"A", marked("number of atoms of all configurations of the part")),
    (
        r"\Delta\mathbf{F}_i",
        marked("error of the force on atom i: the predicted less the reference vector (eV/Å)"),
    ),
)
_OF_FORCES: Final = {
    "force_rmse": (
        r"\mathrm{RMSE}_F = \sqrt{\dfrac{1}{3A}\sum_{i=1}^{A} |\Delta\mathbf{F}_i|^2}",
        marked("Force RMSE: the root of the mean squared error over all components of the forces on all atoms."),
        _ERRORS,
    ),
    "force_mae": (
        r"\mathrm{MAE}_F = \dfrac{1}{A}\sum_{i=1}^{A} |\Delta\mathbf{F}_i|",
        marked("The mean length of the error of the force on an atom."),
        _ERRORS,
    ),
    **{
        f"mse_{axis}": (
            rf"\mathrm{{MSE}}_{axis} = \dfrac{{1}}{{A}}\sum_{{i=1}}^{{A}} (\Delta F_{{i{axis}}})^2",
            marked("The mean squared error of one component of the force on an atom."),
            (
                _ERRORS[0],
                (rf"\Delta F_{{i{axis}}}", marked("error of this component of the force on atom i (eV/Å)")),
            ),
        )
        for axis in "xyz"
    },
}


def score(findings: Mapping[str, Any]) -> list[Equation]:
    """Return the judged scores, nothing for a percentile, a maximum, a time or a score of others.

    Where forces are scored without being judged, their RMSE follows.
    """
    if findings["data"]["kind"] == "scores":
        return []
    first, forces = findings["metric"]["key"], findings.get("forces")
    keys = [first, *(entry["metric"]["key"] for entry in findings["analysis"].get("co_primary") or ())]
    if forces and not any(key in _OF_FORCES for key in keys):
        keys.append("force_rmse")
    made = []
    for key in keys:
        found = {**_SCORES, **_OF_FORCES}.get(key)
        if found is None:
            continue
        formula, alt, symbols = found
        if key in _SCORES:
            symbols = _OF_SCORES if "N_f" in formula else (_OF_SCORES[0], _OF_SCORES[2])
        made.append(_equation("score" if key == first else f"score_{key}", formula, alt, symbols))
    return made


_SLOPE: Final = (
    (
        r"\mathbf{F}_k = -\sum_{i} \sum_{\mu} \dfrac{\partial E}{\partial G_{i\mu}}\, "
        r"\dfrac{\partial G_{i\mu}}{\partial \mathbf{R}_k}"
    ),
    marked("The force on atom k: minus the slopes of the energy by the descriptors, carried on to the positions."),
    (
        (r"\mathbf{F}_k, \mathbf{R}_k", marked("force on atom k and its position")),
        (r"G_{i\mu}", marked("descriptor μ of atom i")),
    ),
)
_COST: Final = (
    (
        r"\Gamma = \dfrac{1}{2N}\sum_{c} (\hat{y}_c - y_c)^2 + "
        r"\dfrac{w}{2M}\sum_{m} \dfrac{(\hat{F}_m - F_m)^2}{\sigma_F^2}"
    ),
    marked("The cost of energies and forces: that of the energies, and that of the force components with its weight."),
    (
        (r"y_c, \hat{y}_c", marked("standardised reference and predicted energy per atom of configuration c")),
        (r"F_m, \hat{F}_m", marked("reference and predicted force component (eV/Å)")),
        (r"N, M", marked("numbers of configurations, and of force components that are learned from")),
        (r"\sigma_F", marked("root mean square of the force components of the training set (eV/Å)")),
        (r"w", marked("weight of the forces")),
    ),
)


def forces(findings: Mapping[str, Any]) -> list[Equation]:
    """Return how forces follow from the energy, and the cost where they are learned; nothing where none are scored.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    told = findings.get("forces")
    if not told or all(entry["way"] != "slope" for entry in told["variants"]):
        return []
    learned = any(isinstance(model["values"].get("forces"), dict) for model in findings["models"])
    return [_equation("slope", *_SLOPE), *([_equation("cost", *_COST)] if learned else [])]


_TESTS: Final[dict[str, tuple[str, str, Symbols]]] = {
    "paired-t": (
        r"t = \dfrac{\bar{d}}{s_d / \sqrt{n}}, \quad \nu = n - 1",
        marked("The paired t statistic: the mean of the differences over its standard error, with n minus 1 degrees."),
        (),
    ),
    "nadeau-bengio": (
        r"t = \dfrac{\bar{d}}{s_d\,\sqrt{\dfrac{1}{n} + \dfrac{n_\mathrm{test}}{n_\mathrm{train}}}}, \quad \nu = n - 1",
        marked("The corrected resampled t statistic: its standard error is widened by the ratio of test to training."),
        (
            (
                r"n_\mathrm{test}, n_\mathrm{train}",
                marked("blocks of the test set and of the training set, validation not counted"),
            ),
        ),
    ),
    "welch": (
        r"t = \dfrac{\bar{c} - \bar{b}}{\sqrt{s_c^2 / n_c + s_b^2 / n_b}}",
        marked("The Welch statistic: the difference of two means over the root of the sum of their squared errors."),
        (
            (r"\bar{c}, \bar{b}", marked("means of the candidate and of the baseline")),
            (r"s_c, s_b", marked("their standard deviations")),
            (r"n_c, n_b", marked("their numbers of repeats")),
        ),
    ),
}
_OF_PAIRS: Final = (
    (r"\bar{d}, s_d", marked("mean and standard deviation of the paired differences")),
    (r"n", marked("number of pairs")),
    (r"\nu", marked("degrees of freedom")),
)
_TOST: Final = (
    (
        r"t_1 = \dfrac{\bar{d} + \epsilon}{\mathrm{SE}}, \quad t_2 = \dfrac{\bar{d} - \epsilon}{\mathrm{SE}}, \quad "
        r"p = \max\left[P(T > t_1),\; P(T < t_2)\right]"
    ),
    marked("The two one-sided tests: of the difference against both ends of the margin; p is the larger of theirs."),
    (
        (r"\epsilon", marked("margin of equivalence")),
        (r"\mathrm{SE}", marked("standard error of the difference, as in the test above")),
    ),
)


def tests(findings: Mapping[str, Any]) -> list[Equation]:
    """Return the statistic of the study's test, and the test of equivalence where a margin in its unit was given."""
    analysis = findings["analysis"]
    found = _TESTS.get(analysis["test"])
    if found is None or findings["protocol"].get("quick"):
        return []
    formula, alt, symbols = found
    made = [_equation("test", formula, alt, symbols if analysis["test"] == "welch" else (*_OF_PAIRS, *symbols))]
    if analysis["margin"] is not None and isinstance(analysis["margin"], int | float):
        made.append(_equation("equivalence", *_TOST))
    return made


def _equation(key: str, formula: str, alt: str, symbols: Sequence[tuple[str, str]]) -> Equation:
    return Equation(key, formula, tell(alt), tuple((symbol, tell(meaning)) for symbol, meaning in symbols))
