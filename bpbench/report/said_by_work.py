"""What statistics, models and searches say in findings: the messages of :mod:`bpbench.report.retold`."""

from __future__ import annotations

from typing import Final

from bpbench.report.language import marked

#: Of comparisons, ranks, estimates and decompositions.
OF_STATISTICS: Final = (
    marked("No repeat finished on both sides: there is nothing to compare."),
    marked("Nothing has filled the slot '{slot}', which counts among the comparisons all the same."),
    marked("1 declared repeat is missing: an incomplete study shows no p and no verdict."),
    marked("{n} declared repeats are missing: an incomplete study shows no p and no verdict."),
    marked("A single split shows no spread: no p, no interval and no verdict without a second one."),
    marked("A single repeat shows no spread: no p, no interval and no verdict without a second one."),
    marked(
        "Deterministic given this split: all {n} paired differences are {told_size}, so there is no noise to test "
        "against and no p."
    ),
    marked(
        "No spread between repeats: all {n} paired differences are {told_size}, so there is no noise to test against "
        "and no p."
    ),
    marked(
        "Deterministic given this split: the values of each side are all equal and their difference is {told_size}, so "
        "there is no noise to test against and no p."
    ),
    marked(
        "No spread between repeats: the values of each side are all equal and their difference is {told_size}, so "
        "there is no noise to test against and no p."
    ),
    marked("Of {n} paired differences 1 is zero and left out of the ranks: p rests on the other {n_other}."),
    marked("Of {n} paired differences {n_zero} are zero and left out of the ranks: p rests on the other {n_other}."),
    marked("{n} repeats are too few for a {n_level}% interval by ranks."),
    marked("{n} and {n_baseline} repeats are too few for a {n_level}% interval by ranks."),
    marked("{n} repeats are too few for a {n_level}% interval by redrawing."),
    marked("{n} and {n_baseline} repeats are too few for a {n_level}% interval by redrawing."),
    marked(
        "The {n} splits come from one data set and are counted as independent: the claim holds given these data and "
        "this test set, not beyond them."
    ),
    marked("No equivalence test was made."),
    marked(
        "A relative margin is a share of the baseline's mean and needs scores that are positive, as losses are; found "
        "{n_found} in value {n} of {n_all}; declare the margin in the metric's unit."
    ),
    marked("Resolved, below the margin: the difference is significant but too small to matter."),
    marked("The ranks and the mean point to opposite sides, so neither variant is called better."),
    marked(
        "1 repeat of '{variant}' diverged: it cannot be called better or equivalent, and the numbers describe only the "
        "repeats that finished on both sides."
    ),
    marked(
        "{n} repeats of '{variant}' diverged: it cannot be called better or equivalent, and the numbers describe only "
        "the repeats that finished on both sides."
    ),
    marked(
        "Every split is trained from the same initial weights and in the same batch orders, so the claim holds given "
        "these as well: others may shift all splits together."
    ),
    marked(
        "A quick run proves the path from protocol to report and decides nothing; run it without --quick for a verdict."
    ),
    # ranks
    marked("ranks are given for 3 to {n_most} contestants, and {n} of {n_all} can be ranked."),
    marked("ranks are given for 3 to {n_most} contestants, and {n} of {n_all} can be ranked; {told_why}."),
    marked("it is the same contestant as '{other}'"),
    marked("{n} of its {n_all} scores is missing"),
    marked("{n} of its {n_all} scores are missing"),
    marked("it is deterministic on the one split, so that its repeats are copies of one result"),
    marked("A repeat diverged, and a mean over it has no value."),
    marked(
        "In all {n} repeats the {n_variants} variants differ from each other by the same amounts, so there is no noise "
        "to test against; an analysis of variance needs scores that vary."
    ),
    marked(
        "In each of the {n} repeats all {n_variants} variants score alike, so there are no ranks to compare; compare "
        "variants that differ."
    ),
    marked(
        "the training and test sets of resampled splits overlap, so the repeats are not independent and no test of all "
        "variants at once is known that counts the overlap."
    ),
    # estimates
    marked(
        "The splits of the repeats overlap, so the repeats are not independent and none of these intervals would be "
        "right; the Nadeau-Bengio interval of the difference allows for it."
    ),
    marked("A single value shows no spread."),
    marked("There is no spread to take an interval from."),
    marked("A ratio is given for positive values only, and the least of these is {n}."),
    marked("Fieller's interval is unbounded: the baseline's mean does not differ from zero significantly."),
    marked("With one degree of freedom the expectation of d does not exist."),
    marked("No two values are out of order, so no variance is to be seen: the interval of Cliff's δ is a rough one."),
    marked("Bootstrap intervals of few values do not keep their level."),
    marked(
        "Bootstrap intervals of few values do not keep their level: simulated with normal values at 95 %, the "
        "{method} interval of {told_what} covers about {n_five} % for 5 values and {n_ten} % for 10."
    ),
    marked("More than {n} values are not resampled, which would take too long; this estimate has no other interval."),
    marked(
        "More than {n} values are not resampled, which would take too long; {method} interval is as good for so many."
    ),
    marked("A single value cannot be resampled."),
    marked("All resamples give the same value: there is no spread to take an interval from."),
    marked("The resamples reach values that are not finite, and so does this interval."),
    marked("BCa is undefined here: it needs resamples on both sides of the estimate and a jackknife that varies."),
    # decompositions
    marked("A decomposition needs a factor with at least 2 levels, found one level of each ({names})."),
    marked(
        "A decomposition needs a finite value of at most {n_most} in every cell of the design, found none in {n} of "
        "{n_all} places ({places}); make these values, or leave out the levels that lack them."
    ),
)
#: Of models, their trainings and what failed.
OF_MODELS: Final = (
    marked("HDNN"),
    marked("linear potential (ridge)"),
    marked("random forest"),
    marked("LightGBM"),
    marked("potential of n2p2"),
    marked("program of others"),
    marked(
        "Of all atoms a share of {n} lies beyond the ranges that the potential was trained in; are its units right, "
        "and is scaling.data its own?"
    ),
    marked("Of all atoms a share of {n} lies beyond the ranges that the potential was trained in: it extrapolates."),
    marked("To the potential's energies are added, for each atom: {shifts}, by least squares over training frames."),
    marked(
        "The potential's energies are {n} meV per atom off, and {n_left} with an energy added for each atom "
        "({shifts}); if the data have another zero, say shift: fitted."
    ),
    marked("The program ended with the exit code {n} in step {n_step} of {n_steps}, '{words}'."),
    marked("The program was ended by {signal} in step {n_step} of {n_steps}, '{words}'."),
    marked("The program was stopped at its limit of {n} s in step {n_step} of {n_steps}, '{words}'."),
    marked("The program cannot be started in step {n_step} of {n_steps}, '{words}': {reason}."),
    marked("The program's predictions cannot be used: {reason}."),
    marked("The last it said: {text}"),
    marked("It said nothing."),
    marked(
        "More weights than data: {n_weights} weights learn from {n_energies} energies, and may learn them by heart."
    ),
    marked(
        "More weights than data: {n_weights} weights learn from {n_energies} energies, and may learn them by heart; "
        "{told_advice} or a tighter prior may help against that."
    ),
    marked("More weights than data, and may learn them by heart."),
    marked(
        "More weights than data, and may learn them by heart; {told_advice} or a tighter prior may help against that."
    ),
    marked(
        "No epoch had a lower validation error than the ridge, from which the network started with its skip: the "
        "answer kept is the linear potential's."
    ),
    marked(
        "In {n} of the {n_all} networks of the ensemble no epoch had a lower validation error than the ridge, from "
        "which the network started with its skip: the answer kept is the linear potential's."
    ),
    marked(
        "The training came to nothing: no epoch had a lower validation error than the initial weights; {told_advice} "
        "may help."
    ),
    marked(
        "In {n} of the {n_all} networks of the ensemble no epoch had a lower validation error than the initial "
        "weights; {told_advice} may help."
    ),
    marked(
        "The training diverged: at the end of epoch {n} of {n_all} the error was not a finite number (learning rate "
        "{n_rate}); a smaller learning rate may help."
    ),
    marked(
        "The training diverged: in epoch {n} of {n_all} a number was not finite or the covariance of the weights not "
        "definite (prior {prior}, trust {n_first} to {n_last}); a smaller prior, a smaller last trust or more noise "
        "may help."
    ),
    marked("The training diverged: the error of the initial weights is not a finite number."),
    marked(
        "The training diverged: in none of {n} epochs was the validation error below {n_times} times that of the "
        "initial weights; {told_advice} may help."
    ),
    marked("A predicted energy is not a finite number."),
    marked("A predicted force is not a finite number."),
    marked(
        "A model needs a function that varies, all {n} are constant over the training atoms; choose other functions or "
        "look at the frames."
    ),
    marked(
        "A model needs a function that varies, all {n} are constant over the training atoms of {element}; choose other "
        "functions or look at the frames."
    ),
    marked(
        "A fit needs training atoms of every element, this split trains on no {element}, which frame {n} holds; use "
        "another share or seed of the split, or leave such frames out."
    ),
    marked(
        "Keras's own fit trains one network, and these frames hold {names}; name another optimizer, or keep the frames "
        "of one element."
    ),
    marked(
        "In some rounds other programs took the processor for more than a tenth of the time; measure again on a quiet "
        "machine before you rely on small differences"
    ),
    marked("The penalty chosen on validation, {n}, is the strongest on offer; a better one may lie beyond."),
    marked("The penalty chosen on validation, {n}, is the weakest on offer; a better one may lie beyond."),
    marked("The function {name} is constant over the training atoms and was dropped."),
    marked("{n} functions are constant over the training atoms and were dropped: {names}."),
    marked(
        "The functions {name} and {name_2} have the same values at all training atoms; the second tells a model "
        "nothing, leave it out."
    ),
    marked("The function {name} is constant over the training atoms of {element} and was dropped."),
    marked("{n} functions are constant over the training atoms of {element} and were dropped: {names}."),
    marked(
        "The functions {name} and {name_2} have the same values at all training atoms of {element}; the second tells a "
        "model nothing, leave it out."
    ),
    marked(
        "The compositions of the training configurations do not determine the reference energies of {names} one by "
        "one; of all that fit equally well, those of least norm are taken."
    ),
    marked(
        "LightGBM could not split {n} training configurations into leaves of at least {n_leaf} and answers with their "
        "mean; give it more frames or a smaller min_samples_leaf."
    ),
    marked("It needs the result of '{job}', which failed."),
    marked("Its worker process died ({error})."),
    marked("Its worker process died {n} times ({error})."),
    marked("It needs more memory than this process could get."),
    marked("It needs more memory than this process could get ({error})."),
    marked("It was not started, as the time was up."),
)
#: Of searches: what a step did, and why a candidate was stopped.
OF_SEARCHES: Final = (
    marked("Every one of the {n} {told_what} diverged: nothing was chosen."),
    marked("Of {n} {told_what} the one of the best mean was chosen: {told_label}."),
    marked("Every smaller set diverged: nothing was chosen."),
    marked("Left out together."),
    marked("Left out together. Of {n} smaller sets the best was chosen: {told_label}."),
    marked("Every training of the whole set diverged: nothing can be weighed."),
    marked("Every training of the whole set diverged: no smaller set can be shown as good."),
    marked("{told_measure}, averaged over {n} repeats, from the least on."),
    marked("Each of {n} functions was left out alone, ranked by the mean score without it."),
    marked("{n} were stopped before their last repeat: {n_asked} trainings in place of {n_full}."),
    marked("{name}: dropped, {n} left."),
    marked("{name}: kept, {n} left."),
    marked("{name} and {n_more} more: dropped, {n} left."),
    marked("{name} and {n_more} more: kept, {n} left."),
    marked("Every set of {n} diverged: the search ends."),
    marked("{name} was added: {n} now, non-inferior to the whole set within the margin."),
    marked("{name} was added: {n} now, not yet shown as good as the whole."),
    marked("Every candidate diverged: nothing was chosen."),
    marked("The best is {told_best}. {told_label} is the smallest that is non-inferior to it within the margin."),
    marked("The best is {told_best}. {told_label} is the cheapest that is non-inferior to it within the margin."),
    marked("The best is {told_best}, and no smaller one is shown to be as good within the margin."),
    marked("The best is {told_best}, and no cheaper one is shown to be as good within the margin."),
    marked("A quick run has too few repeats to say what is as good as what."),
    marked("Stopped after {n} repeats."),
    marked("It waits for '{strategy}', which could not go on."),
    marked("{n} of {n_all} trainings failed: {told_message}"),
    marked(
        "After {n} repeats it is the worse of two by Wilcoxon's signed-rank test: p = {p}, at a level of {alpha}; its "
        "mean rank is {rank}."
    ),
    marked(
        "After {n} repeats its rank sum of {sum} is {gap} above the best one's, more than Conover's critical "
        "difference of {critical} (Friedman's χ² = {chi2}, p = {p}, at a level of {alpha})."
    ),
    marked(
        "After 1 repeat it stands in place {n_place} of {n_all}, {told_by}, and the first {n_first} go on: successive "
        "halving stops the others."
    ),
    marked(
        "After {n} repeats it stands in place {n_place} of {n_all}, {told_by}, and the first {n_first} go on: "
        "successive halving stops the others."
    ),
    marked(
        "After 1 repeat ({n_failed} failed) it stands in place {n_place} of {n_all}, {told_by}, and the first "
        "{n_first} go on: successive halving stops the others."
    ),
    marked(
        "After {n} repeats ({n_failed} failed) it stands in place {n_place} of {n_all}, {told_by}, and the first "
        "{n_first} go on: successive halving stops the others."
    ),
)
#: Of columns that are compared with functions: likely reasons.
OF_COLUMNS: Final = (
    marked("{n} of {n_all} values are not finite"),
    marked("every value lies below the digits that were printed"),
    marked("only one value among these atoms: any factor or offset would fit"),
    marked("only two different values among these atoms: any factor or offset would fit"),
    marked("the column is constant"),
    marked("too few different values among these atoms to look for its function"),
    marked("the sign is turned"),
    marked("every neighbour is counted twice"),
    marked("every pair of neighbours is counted twice"),
    marked("the prefactor is 2^-ζ, not 2^(1-ζ)"),
    marked("the prefactor 2^(1-ζ) is missing (ζ = {n})"),
    marked("the prefactor 2^(1-ζ) is missing and every pair counted twice (ζ = {n})"),
    marked("the other tanh³ cutoff is used"),
    marked("the ½ of the cutoff function is missing"),
    marked("a constant is added"),
    marked("the mean of these atoms is subtracted"),
    marked("scaled to 0 … 1 by the least and largest value of these atoms"),
    marked("scaled to -1 … 1 by the least and largest value of these atoms"),
    marked("standardised with mean and standard deviation of these atoms"),
    marked("centred and divided by the range of these atoms (n2p2's scale and center)"),
    marked("scaled with constants that are not those of these atoms, perhaps of a training set"),
)
#: Of these, clauses that only stand within others.
CLAUSES_OF_WORK: Final = (
    marked("zero"),
    marked("'{variant}' cannot, as {told_why}; {told_more}"),
    marked("'{variant}' cannot, as {told_why}"),
    marked("the difference of paired values"),
    marked("the ratio of paired values"),
    marked("the pooled d of paired values"),
    marked("the rank-biserial correlation"),
    marked("the difference of two samples"),
    marked("the ratio of two samples"),
    marked("the interquartile mean of three strata"),
    marked("{known_one}, {known_other}"),
    marked("a linear skip"),
    marked("an ensemble"),
    marked("patience"),
    marked("a smaller learning rate"),
    marked("a smaller prior, or one above 0, or a smaller last trust"),
    marked("another damping or less decay"),
    marked("ranges of R_s"),
    marked("random subsets"),
    marked("evenly spaced groups"),
    marked("the whole set"),
    marked("without the {n} whose absence helps most"),
    marked("without the {n} that matter least"),
    marked("without {name} and {n} more"),
    marked("without {name}"),
    marked("with {name}"),
    marked("{n} functions, draw {draw}"),
    marked("steps {steps}, starts {starts}"),
    marked("G2 of R_s = {low} and angular"),
    marked("G2 of R_s = {low}"),
    marked("G2 of R_s {low} to {high} and angular"),
    marked("G2 of R_s {low} to {high}"),
    marked("The sum of the absolute first-layer weights of an input"),
    marked("The absolute value of the sum of the first-layer weights of an input"),
    marked("The rise of the validation error when the values of an input are shuffled"),
    marked("The gain of the trees' splits on an input"),
    marked("by its mean score of {n}"),
    marked("without a score"),
)
