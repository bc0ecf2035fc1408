"""Published works that a report may cite, each once, and the bibliography of those that one does cite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from bpbench.report.document import Bibliography, Work
from bpbench.report.numbered import cited

if TYPE_CHECKING:
    from collections.abc import Iterable

_Kind = Literal["article", "book", "inproceedings", "phdthesis", "misc"]


def _work(kind: _Kind, key: str, authors: str, title: str, where: str) -> Work:
    """Return a work from one line each; ``where`` reads ``journal=…; volume=…; year=…``."""
    fields = [tuple(part.strip().split("=", 1)) for part in where.split("; ")]
    year = next(value for name, value in fields if name == "year")
    rest = tuple((name, value) for name, value in fields if name != "year")
    return Work(key, kind, tuple(authors.split("; ")), title, year, rest)


_ALL: Final = (
    # ------------------------------------------------------------------------------- potentials and their training
    _work("article", "behler2007", "Behler, Jörg; Parrinello, Michele",
          "Generalized Neural-Network Representation of High-Dimensional Potential-Energy Surfaces",
          "journal=Physical Review Letters; volume=98; pages=146401; year=2007; doi=10.1103/PhysRevLett.98.146401"),
    _work("article", "behler2011", "Behler, Jörg",
          "Atom-centered symmetry functions for constructing high-dimensional neural network potentials",
          "journal=The Journal of Chemical Physics; volume=134; pages=074106; year=2011; doi=10.1063/1.3553717"),
    _work("article", "singraber2019training",
          "Singraber, Andreas; Morawietz, Tobias; Behler, Jörg; Dellago, Christoph",
          "Parallel Multistream Training of High-Dimensional Neural Network Potentials",
          "journal=Journal of Chemical Theory and Computation; volume=15; pages=3075–3092; year=2019; "
          "doi=10.1021/acs.jctc.8b01092"),
    _work("article", "singraber2019library", "Singraber, Andreas; Behler, Jörg; Dellago, Christoph",
          "Library-Based LAMMPS Implementation of High-Dimensional Neural Network Potentials",
          "journal=Journal of Chemical Theory and Computation; volume=15; pages=1827–1840; year=2019; "
          "doi=10.1021/acs.jctc.8b00770"),
    _work("inproceedings", "kingma2015", "Kingma, Diederik P.; Ba, Jimmy", "Adam: A Method for Stochastic Optimization",
          "booktitle=3rd International Conference on Learning Representations; year=2015; note=arXiv:1412.6980"),
    _work("inproceedings", "glorot2010", "Glorot, Xavier; Bengio, Yoshua",
          "Understanding the difficulty of training deep feedforward neural networks",
          "booktitle=Proceedings of the Thirteenth International Conference on Artificial Intelligence and Statistics; "
          "series=PMLR; volume=9; pages=249–256; year=2010"),
    _work("misc", "chollet2015", "Chollet, François; others", "Keras", "howpublished=https://keras.io; year=2015"),
    _work("inproceedings", "ke2017",
          "Ke, Guolin; Meng, Qi; Finley, Thomas; Wang, Taifeng; Chen, Wei; Ma, Weidong; Ye, Qiwei; Liu, Tie-Yan",
          "LightGBM: A Highly Efficient Gradient Boosting Decision Tree",
          "booktitle=Advances in Neural Information Processing Systems; volume=30; pages=3146–3154; year=2017"),
    _work("article", "breiman2001", "Breiman, Leo", "Random Forests",
          "journal=Machine Learning; volume=45; pages=5–32; year=2001; doi=10.1023/A:1010933404324"),
    _work("article", "hoerl1970", "Hoerl, Arthur E.; Kennard, Robert W.",
          "Ridge Regression: Biased Estimation for Nonorthogonal Problems",
          "journal=Technometrics; volume=12; pages=55–67; year=1970; doi=10.1080/00401706.1970.10488634"),
    _work("article", "pedregosa2011", "Pedregosa, Fabian; others", "Scikit-learn: Machine Learning in Python",
          "journal=Journal of Machine Learning Research; volume=12; pages=2825–2830; year=2011"),
    _work("article", "levenberg1944", "Levenberg, Kenneth",
          "A method for the solution of certain non-linear problems in least squares",
          "journal=Quarterly of Applied Mathematics; volume=2; pages=164–168; year=1944; doi=10.1090/qam/10666"),
    _work("article", "marquardt1963", "Marquardt, Donald W.",
          "An Algorithm for Least-Squares Estimation of Nonlinear Parameters",
          "journal=Journal of the Society for Industrial and Applied Mathematics; volume=11; pages=431–441; year=1963; "
          "doi=10.1137/0111030"),
    _work("book", "haykin2001", "Haykin, Simon", "Kalman Filtering and Neural Networks",
          "publisher=Wiley; address=New York; year=2001"),
    # ------------------------------------------------------------------------------------------------------- data
    _work("article", "jacobsen1996", "Jacobsen, K. W.; Stoltze, P.; Nørskov, J. K.",
          "A semi-empirical effective medium theory for metals and alloys",
          "journal=Surface Science; volume=366; pages=394–402; year=1996; doi=10.1016/0039-6028(96)00816-3"),
    _work("article", "birch1947", "Birch, Francis", "Finite Elastic Strain of Cubic Crystals",
          "journal=Physical Review; volume=71; pages=809–824; year=1947; doi=10.1103/PhysRev.71.809"),
    _work("article", "larsen2017", "Larsen, Ask Hjorth; others",
          "The atomic simulation environment—a Python library for working with atoms",
          "journal=Journal of Physics: Condensed Matter; volume=29; pages=273002; year=2017; "
          "doi=10.1088/1361-648X/aa680e"),
    _work("inproceedings", "sokal1997", "Sokal, Alan",
          "Monte Carlo Methods in Statistical Mechanics: Foundations and New Algorithms",
          "booktitle=Functional Integration; publisher=Springer; pages=131–192; year=1997; "
          "doi=10.1007/978-1-4899-0319-8_6"),
    _work("article", "roberts2017", "Roberts, David R.; others",
          "Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic structure",
          "journal=Ecography; volume=40; pages=913–929; year=2017; doi=10.1111/ecog.02881"),
    _work("article", "racine2000", "Racine, Jeff",
          "Consistent cross-validatory model-selection for dependent data: hv-block cross-validation",
          "journal=Journal of Econometrics; volume=99; pages=39–61; year=2000; doi=10.1016/S0304-4076(00)00030-0"),
    # ------------------------------------------------------------------------------------------------------ tests
    _work("article", "student1908", "Student", "The Probable Error of a Mean",
          "journal=Biometrika; volume=6; pages=1–25; year=1908; doi=10.2307/2331554"),
    _work("article", "welch1947", "Welch, B. L.",
          "The generalization of ‘Student’s’ problem when several different population variances are involved",
          "journal=Biometrika; volume=34; pages=28–35; year=1947; doi=10.1093/biomet/34.1-2.28"),
    _work("article", "nadeau2003", "Nadeau, Claude; Bengio, Yoshua", "Inference for the Generalization Error",
          "journal=Machine Learning; volume=52; pages=239–281; year=2003; doi=10.1023/A:1024068626366"),
    _work("inproceedings", "bouckaert2004", "Bouckaert, Remco R.; Frank, Eibe",
          "Evaluating the Replicability of Significance Tests for Comparing Learning Algorithms",
          "booktitle=Advances in Knowledge Discovery and Data Mining; series=LNCS; volume=3056; pages=3–12; year=2004; "
          "doi=10.1007/978-3-540-24775-3_3"),
    _work("article", "wilcoxon1945", "Wilcoxon, Frank", "Individual Comparisons by Ranking Methods",
          "journal=Biometrics Bulletin; volume=1; pages=80–83; year=1945; doi=10.2307/3001968"),
    _work("article", "mann1947", "Mann, H. B.; Whitney, D. R.",
          "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other",
          "journal=The Annals of Mathematical Statistics; volume=18; pages=50–60; year=1947; "
          "doi=10.1214/aoms/1177730491"),
    _work("article", "hodges1963", "Hodges, J. L.; Lehmann, E. L.", "Estimates of Location Based on Rank Tests",
          "journal=The Annals of Mathematical Statistics; volume=34; pages=598–611; year=1963; "
          "doi=10.1214/aoms/1177704172"),
    _work("book", "fisher1935", "Fisher, R. A.", "The Design of Experiments",
          "publisher=Oliver and Boyd; address=Edinburgh; year=1935"),
    _work("article", "phipson2010", "Phipson, Belinda; Smyth, Gordon K.",
          "Permutation P-values Should Never Be Zero: Calculating Exact P-values When Permutations Are Randomly Drawn",
          "journal=Statistical Applications in Genetics and Molecular Biology; volume=9; number=1; pages=39; "
          "year=2010; "
          "doi=10.2202/1544-6115.1585"),
    _work("article", "schuirmann1987", "Schuirmann, Donald J.",
          "A comparison of the Two One-Sided Tests Procedure and the Power Approach for assessing the equivalence of "
          "average bioavailability",
          "journal=Journal of Pharmacokinetics and Biopharmaceutics; volume=15; pages=657–680; year=1987; "
          "doi=10.1007/BF01068419"),
    _work("article", "lakens2017", "Lakens, Daniël",
          "Equivalence Tests: A Practical Primer for t Tests, Correlations, and Meta-Analyses",
          "journal=Social Psychological and Personality Science; volume=8; pages=355–362; year=2017; "
          "doi=10.1177/1948550617697177"),
    _work("article", "fieller1954", "Fieller, E. C.", "Some Problems in Interval Estimation",
          "journal=Journal of the Royal Statistical Society, Series B; volume=16; pages=175–185; year=1954; "
          "doi=10.1111/j.2517-6161.1954.tb00159.x"),
    # --------------------------------------------------------------------------------------------- several metrics
    _work("article", "berger1982", "Berger, Roger L.",
          "Multiparameter Hypothesis Testing and Acceptance Sampling",
          "journal=Technometrics; volume=24; pages=295–300; year=1982; doi=10.2307/1267823"),
    _work("misc", "iche9", "ICH", "ICH Harmonised Tripartite Guideline E9: Statistical Principles for Clinical Trials",
          "howpublished=International Council for Harmonisation; year=1998"),
    _work("misc", "fda2022", "FDA", "Multiple Endpoints in Clinical Trials: Guidance for Industry",
          "howpublished=U.S. Food and Drug Administration; year=2022"),
    # ------------------------------------------------------------------------------------------- many comparisons
    _work("article", "dunn1961", "Dunn, Olive Jean", "Multiple Comparisons among Means",
          "journal=Journal of the American Statistical Association; volume=56; pages=52–64; year=1961; "
          "doi=10.1080/01621459.1961.10482090"),
    _work("article", "holm1979", "Holm, Sture", "A Simple Sequentially Rejective Multiple Test Procedure",
          "journal=Scandinavian Journal of Statistics; volume=6; pages=65–70; year=1979"),
    _work("article", "hochberg1988", "Hochberg, Yosef",
          "A sharper Bonferroni procedure for multiple tests of significance",
          "journal=Biometrika; volume=75; pages=800–802; year=1988; doi=10.1093/biomet/75.4.800"),
    _work("article", "hommel1988", "Hommel, G.",
          "A stagewise rejective multiple test procedure based on a modified Bonferroni test",
          "journal=Biometrika; volume=75; pages=383–386; year=1988; doi=10.1093/biomet/75.2.383"),
    _work("article", "sidak1967", "Šidák, Zbyněk",
          "Rectangular Confidence Regions for the Means of Multivariate Normal Distributions",
          "journal=Journal of the American Statistical Association; volume=62; pages=626–633; year=1967; "
          "doi=10.1080/01621459.1967.10482935"),
    _work("article", "benjamini1995", "Benjamini, Yoav; Hochberg, Yosef",
          "Controlling the False Discovery Rate: A Practical and Powerful Approach to Multiple Testing",
          "journal=Journal of the Royal Statistical Society, Series B; volume=57; pages=289–300; year=1995; "
          "doi=10.1111/j.2517-6161.1995.tb02031.x"),
    _work("article", "benjamini2001", "Benjamini, Yoav; Yekutieli, Daniel",
          "The control of the false discovery rate in multiple testing under dependency",
          "journal=The Annals of Statistics; volume=29; pages=1165–1188; year=2001; doi=10.1214/aos/1013699998"),
    _work("article", "benjamini2006", "Benjamini, Yoav; Krieger, Abba M.; Yekutieli, Daniel",
          "Adaptive linear step-up procedures that control the false discovery rate",
          "journal=Biometrika; volume=93; pages=491–507; year=2006; doi=10.1093/biomet/93.3.491"),
    _work("book", "westfall1993", "Westfall, Peter H.; Young, S. Stanley",
          "Resampling-Based Multiple Testing: Examples and Methods for p-Value Adjustment",
          "publisher=Wiley; address=New York; year=1993"),
    _work("article", "lan1983", "Lan, K. K. Gordon; DeMets, David L.",
          "Discrete sequential boundaries for clinical trials",
          "journal=Biometrika; volume=70; pages=659–663; year=1983; doi=10.1093/biomet/70.3.659"),
    # ------------------------------------------------------------------------------------------ ranks and estimates
    _work("article", "friedman1937", "Friedman, Milton",
          "The Use of Ranks to Avoid the Assumption of Normality Implicit in the Analysis of Variance",
          "journal=Journal of the American Statistical Association; volume=32; pages=675–701; year=1937; "
          "doi=10.1080/01621459.1937.10503522"),
    _work("article", "iman1980", "Iman, Ronald L.; Davenport, James M.",
          "Approximations of the critical region of the Friedman statistic",
          "journal=Communications in Statistics – Theory and Methods; volume=9; pages=571–595; year=1980; "
          "doi=10.1080/03610928008827904"),
    _work("phdthesis", "nemenyi1963", "Nemenyi, Peter Bjorn", "Distribution-free Multiple Comparisons",
          "school=Princeton University; year=1963"),
    _work("article", "demsar2006", "Demšar, Janez", "Statistical Comparisons of Classifiers over Multiple Data Sets",
          "journal=Journal of Machine Learning Research; volume=7; pages=1–30; year=2006"),
    _work("article", "benavoli2016", "Benavoli, Alessio; Corani, Giorgio; Mangili, Francesca",
          "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?",
          "journal=Journal of Machine Learning Research; volume=17; number=5; pages=1–10; year=2016"),
    _work("article", "benavoli2017", "Benavoli, Alessio; Corani, Giorgio; Demšar, Janez; Zaffalon, Marco",
          "Time for a Change: a Tutorial for Comparing Multiple Classifiers Through Bayesian Analysis",
          "journal=Journal of Machine Learning Research; volume=18; number=77; pages=1–36; year=2017"),
    _work("article", "corani2015", "Corani, Giorgio; Benavoli, Alessio",
          "A Bayesian approach for comparing cross-validated algorithms on multiple data sets",
          "journal=Machine Learning; volume=100; pages=285–304; year=2015; doi=10.1007/s10994-015-5486-z"),
    _work("article", "greenhouse1959", "Greenhouse, Samuel W.; Geisser, Seymour",
          "On methods in the analysis of profile data",
          "journal=Psychometrika; volume=24; pages=95–112; year=1959; doi=10.1007/BF02289823"),
    _work("article", "huynh1976", "Huynh, Huynh; Feldt, Leonard S.",
          "Estimation of the Box Correction for Degrees of Freedom from Sample Data in Randomized Block and Split-Plot "
          "Designs",
          "journal=Journal of Educational Statistics; volume=1; pages=69–82; year=1976; doi=10.3102/10769986001001069"),
    _work("article", "mauchly1940", "Mauchly, John W.",
          "Significance Test for Sphericity of a Normal n-Variate Distribution",
          "journal=The Annals of Mathematical Statistics; volume=11; pages=204–209; year=1940; "
          "doi=10.1214/aoms/1177731915"),
    _work("article", "cliff1993", "Cliff, Norman",
          "Dominance statistics: Ordinal analyses to answer ordinal questions",
          "journal=Psychological Bulletin; volume=114; pages=494–509; year=1993; doi=10.1037/0033-2909.114.3.494"),
    _work("article", "hedges1981", "Hedges, Larry V.",
          "Distribution Theory for Glass’s Estimator of Effect Size and Related Estimators",
          "journal=Journal of Educational Statistics; volume=6; pages=107–128; year=1981; "
          "doi=10.3102/10769986006002107"),
    _work("article", "efron1987", "Efron, Bradley", "Better Bootstrap Confidence Intervals",
          "journal=Journal of the American Statistical Association; volume=82; pages=171–185; year=1987; "
          "doi=10.1080/01621459.1987.10478410"),
    _work("inproceedings", "agarwal2021",
          "Agarwal, Rishabh; Schwarzer, Max; Castro, Pablo Samuel; Courville, Aaron C.; Bellemare, Marc G.",
          "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
          "booktitle=Advances in Neural Information Processing Systems; volume=34; pages=29304–29320; year=2021"),
    _work("inproceedings", "dodge2019",
          "Dodge, Jesse; Gururangan, Suchin; Card, Dallas; Schwartz, Roy; Smith, Noah A.",
          "Show Your Work: Improved Reporting of Experimental Results",
          "booktitle=Proceedings of EMNLP-IJCNLP; pages=2185–2194; year=2019; doi=10.18653/v1/D19-1224"),
    _work("inproceedings", "dodge2021",
          "Dodge, Jesse; Gururangan, Suchin; Card, Dallas; Schwartz, Roy; Smith, Noah A.",
          "Expected Validation Performance and Estimation of a Random Variable’s Maximum",
          "booktitle=Findings of the Association for Computational Linguistics: EMNLP 2021; year=2021; "
          "note=arXiv:2110.00613"),
    _work("inproceedings", "bouthillier2021", "Bouthillier, Xavier; others",
          "Accounting for Variance in Machine Learning Benchmarks",
          "booktitle=Proceedings of Machine Learning and Systems; volume=3; pages=747–769; year=2021"),
    _work("book", "searle1992", "Searle, Shayle R.; Casella, George; McCulloch, Charles E.", "Variance Components",
          "publisher=Wiley; address=New York; year=1992"),
    _work("article", "matteson2014", "Matteson, David S.; James, Nicholas A.",
          "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data",
          "journal=Journal of the American Statistical Association; volume=109; pages=334–345; year=2014; "
          "doi=10.1080/01621459.2013.849605"),
    # ---------------------------------------------------------------------------------------------------- selection
    _work("article", "tibshirani1996", "Tibshirani, Robert", "Regression Shrinkage and Selection via the Lasso",
          "journal=Journal of the Royal Statistical Society, Series B; volume=58; pages=267–288; year=1996; "
          "doi=10.1111/j.2517-6161.1996.tb02080.x"),
    _work("article", "efron2004", "Efron, Bradley; Hastie, Trevor; Johnstone, Iain; Tibshirani, Robert",
          "Least angle regression",
          "journal=The Annals of Statistics; volume=32; pages=407–499; year=2004; doi=10.1214/009053604000000067"),
    _work("article", "meinshausen2010", "Meinshausen, Nicolai; Bühlmann, Peter", "Stability Selection",
          "journal=Journal of the Royal Statistical Society, Series B; volume=72; pages=417–473; year=2010; "
          "doi=10.1111/j.1467-9868.2010.00740.x"),
    _work("article", "nogueira2018", "Nogueira, Sarah; Sechidis, Konstantinos; Brown, Gavin",
          "On the Stability of Feature Selection Algorithms",
          "journal=Journal of Machine Learning Research; volume=18; number=174; pages=1–54; year=2018"),
    _work("inproceedings", "kuncheva2007", "Kuncheva, Ludmila I.", "A Stability Index for Feature Selection",
          "booktitle=Proceedings of the 25th IASTED International Multi-Conference: Artificial Intelligence and "
          "Applications; pages=390–395; year=2007"),
    _work("inproceedings", "maron1994", "Maron, Oded; Moore, Andrew W.",
          "Hoeffding Races: Accelerating Model Selection Search for Classification and Function Approximation",
          "booktitle=Advances in Neural Information Processing Systems; volume=6; pages=59–66; year=1994"),
    _work("article", "kohavi1997", "Kohavi, Ron; John, George H.", "Wrappers for feature subset selection",
          "journal=Artificial Intelligence; volume=97; pages=273–324; year=1997; doi=10.1016/S0004-3702(97)00043-X"),
    _work("article", "guyon2002", "Guyon, Isabelle; Weston, Jason; Barnhill, Stephen; Vapnik, Vladimir",
          "Gene Selection for Cancer Classification using Support Vector Machines",
          "journal=Machine Learning; volume=46; pages=389–422; year=2002; doi=10.1023/A:1012487302797"),
    _work("article", "altmann2010", "Altmann, André; Toloşi, Laura; Sander, Oliver; Lengauer, Thomas",
          "Permutation importance: a corrected feature importance measure",
          "journal=Bioinformatics; volume=26; pages=1340–1347; year=2010; doi=10.1093/bioinformatics/btq134"),
)  # fmt: skip

#: Every work by its key.
WORKS: Final = {work.key: work for work in _ALL}


def bibliography(texts: Iterable[str]) -> Bibliography:
    """Return the works that texts cite, in the order of first citation.

    Raises
    ------
    KeyError
        For a citation of an unknown work.
    """
    return Bibliography(tuple(WORKS[key] for key in cited(texts)))
