"""What readers of data and of tables of scores say of them: the messages of :mod:`bpbench.report.retold`."""

from __future__ import annotations

from typing import Final

from bpbench.report.language import marked

#: Of configurations, tables of descriptors and their blocks.
OF_DATA: Final = (
    marked("The file is an input.data of n2p2, which names no units; it was read as {told_units}."),
    marked(
        "The data are an embedded aluminium sample: energies and forces of effective-medium theory (EMT), not of "
        "density-functional theory."
    ),
    marked("Groups and blocks are those of the file ({counted_groups})."),
    marked("Groups are those of the file ({counted_groups})."),
    marked("The frames name no group, so all {n_frames} form one, '{group}'."),
    marked("Groups are read from the info key '{key}' of each frame ({counted_groups})."),
    marked("Only these groups of the file are used: {names}."),
    marked(
        "Consecutive frames of each group were cut into {counted_blocks} of {span} frames (asked for: {told_length})."
    ),
    marked(
        "Consecutive frames of each group were cut into {counted_blocks} of {span} frames (asked for: {told_length}); "
        "frames on either side of a cut may still be near copies."
    ),
    marked(
        "The frames name no blocks, so consecutive frames of each group were cut into {counted_blocks} of {span} "
        "frames (asked for: {told_length})."
    ),
    marked(
        "The frames name no blocks, so consecutive frames of each group were cut into {counted_blocks} of {span} "
        "frames (asked for: {told_length}); frames on either side of a cut may still be near copies."
    ),
    marked("Blocks are read from the info key '{key}' of each frame ({counted_blocks} of {span} frames)."),
    marked("The file declares {counted_blocks} of {span} frames."),
    marked("Frames of more than one group share a block in {counted_blocks}, which no split cuts."),
    marked("Not every frame carries forces, so none are used."),
    # tables of descriptors
    marked("Descriptors, energies and labels are those of the table; no structure stands behind them here."),
    marked("The table has {counted_descriptors}: {names}, …"),
    marked("The table has {counted_descriptors}: {names}."),
    marked("The table names no group, so all {n_configurations} configurations form one."),
    marked("Groups are read from the column '{column}' ({counted_groups})."),
    marked("Blocks are read from the column '{column}' ({counted_blocks})."),
    marked(
        "The table names no blocks, so consecutive configurations of each group were cut into {counted_blocks} (asked "
        "for: {told_length})."
    ),
    marked(
        "The table names no blocks, so consecutive configurations of each group were cut into {counted_blocks} (asked "
        "for: {told_length}); configurations on either side of a cut may still be near copies."
    ),
    # blocks
    marked(
        "{n_left} of {n_frames} frames stand at the borders between blocks ({each} at each) and are left out of "
        "training, validation and test, so that frames on either side of a border are no near copies."
    ),
    marked(
        "{n_whole} of {n_groups} groups is too short for two blocks and goes as a whole into one part of a split by "
        "block, as in a split by state: {told_names}."
    ),
    marked(
        "{n_whole} of {n_groups} groups are too short for two blocks and go as a whole into one part of a split by "
        "block, as in a split by state: {told_names}."
    ),
    marked(
        "The frames of each group are taken for one trajectory. Integrated autocorrelation time τ of its energies, in "
        "frames: {told_times}."
    ),
    marked("Blocks were cut to be at least {n_times} τ long."),
    marked(
        "Too short for {n_blocks} blocks of {n_times} τ: {told_names}; such a trajectory cannot be in all three parts "
        "of a split."
    ),
    marked(
        "τ is unreliable where a trajectory has fewer than {n_times} τ frames, and is then more often too small than "
        "too large: {told_names}."
    ),
    # what parts of the data are trained on
    marked("Every contestant: tested on groups that were never trained on; what is scored there is extrapolation."),
    marked("{names}: tested on groups that were never trained on; what is scored there is extrapolation."),
    marked(
        "No frame of the group '{group}' was trained on, though some are in the reserve: what is scored there is "
        "extrapolation."
    ),
    marked(
        "No frame of the group '{group}' was trained on in {n_some} of {n_splits} splits, though some are in the "
        "reserve: what is scored there is extrapolation."
    ),
    marked(
        "With {span_few} observations, no frame of {span_some} of the {n_groups} groups ({names}) is trained on, "
        "though some are in the reserve: what is scored there is extrapolation."
    ),
    marked(
        "With {span_few} observations, no frame of {span_some} of the {n_groups} groups (by split, among {names}) is "
        "trained on, though some are in the reserve: what is scored there is extrapolation."
    ),
)
#: Of how data are divided among repeats.
OF_SPLITS: Final = (
    marked(
        "One split for all repeats; a repeat redraws everything else that is random (initial weights, batch order, "
        "trees). What is claimed holds given this split."
    ),
    marked(
        "Every repeat redraws the reserve, the training and the validation frames. The reserves of two repeats "
        "overlap, which the Nadeau-Bengio test allows for."
    ),
    marked(
        "The reserve is drawn once; each split redraws training and validation, and is trained once, with weights and "
        "batch order of its own. What is claimed holds given these data and this reserve."
    ),
    marked(
        "The reserve is drawn once; each split redraws training and validation, and several seeds are averaged within "
        "each split first. What is claimed holds given these data and this reserve."
    ),
    marked(
        "The reserve is drawn once; each split redraws training and validation by whole blocks, and is trained from "
        "each of {told_weights} and in each of {told_orders}. All trainings of a split are averaged first. As the "
        "splits share these weights and orders, what is claimed holds given these data, this reserve, and these "
        "weights and orders."
    ),
    marked(
        "A round measures every set once, in an order drawn for that round, so that whatever slows the machine for a "
        "while slows all sets of the round. What is claimed holds for machines of this kind."
    ),
    marked(
        "Repeats are taken as independent of each other, given everything that all of them share, such as one split of "
        "one data set."
    ),
    marked(
        "Every repeat is taken to have redrawn its training and test data from one data set. The test sets of two "
        "repeats overlap, which the Nadeau-Bengio test allows for."
    ),
    marked(
        "Each split is taken to have redrawn its training data, with test data that all splits have in common, and the "
        "repeats within a split are averaged first."
    ),
    marked("Given is a ratio of test to training data of {n}."),
)
#: Of tables of scores that other programs made.
OF_SCORES: Final = (
    marked("Only the {counted_rows} with {which} count, of {n_all}."),
    marked(
        "{counted_runs} were read, their paths as '{pattern}', the runs within a file in their order: {told_parts}."
    ),
    marked("{counted_runs} were read, their paths as '{pattern}': {told_parts}."),
    marked("The score is that of the last epoch of each run ({span})."),
    marked("The score is that of the epoch with the best '{column}' of each run (runs end at epoch {span})."),
    marked(
        "The epoch was chosen by the very error that is then the score, which flatters every variant, and one with a "
        "noisier curve more; --epoch last chooses nothing."
    ),
    marked("No baseline was named, so it is the first variant of the table, '{variant}'."),
    marked(
        "The column '{column}' sounds as if every split had test data of its own, as the folds of a cross-validation "
        "have. Such splits are not independent, and a plain test on them errs far more often than α: --design "
        "resampled --test-fraction F allows for what they have in common."
    ),
    marked(
        "The column '{column}' sounds as if every repeat redraws the split of one data set. Such repeats are not "
        "independent, and a plain test on them errs far more often than α: --design resampled --test-fraction F allows "
        "for their overlap."
    ),
    marked(
        "Nothing was named that tells which repeats of two variants belong together (--unit), so they are compared as "
        "independent samples; pairs, where there are any, would tell more."
    ),
    marked(
        "1 score of {quoted} is empty, NaN or infinite: each counts as a run that broke down, and since failures are "
        "not missing at random its variant cannot come out as better or equivalent."
    ),
    marked(
        "{counted_scores} of {quoted} are empty, NaN or infinite: each counts as a run that broke down, and since "
        "failures are not missing at random its variant cannot come out as better or equivalent."
    ),
    marked(
        "Repeats that some variants have and others have not: {told_lost}. Each comparison rests on those that both of "
        "its sides have. Where a row is absent because its run broke down, give it with an empty score, so that it "
        "counts."
    ),
    marked(
        "Splits that some variants have and others have not: {told_lost}. Each comparison rests on those that both of "
        "its sides have. Where a row is absent because its run broke down, give it with an empty score, so that it "
        "counts."
    ),
    marked("Left out, since the other side has no row for it: {told_lost}; the comparison rests on what both have."),
    marked("no finite score"),
    marked("row {n}: the score is empty, NaN or infinite"),
    marked("there is no row"),
    marked("which repeats belong together was not told."),
    marked("ranks are given for at most {n_most} repeats, and there are {n}."),
)
#: Of these, clauses that only stand within others.
CLAUSES_OF_DATA: Final = (
    marked("Å and eV"),
    marked("Bohr and Hartree"),
    marked("auto"),
    marked("{names} and {n_others} more"),
    marked("{known_times}, and {n_others} more groups"),
    marked("{known_times}, {name} {n_tau} of {n_frames}"),
    marked("{known_times}, {name} below 1 of {n_frames}"),
    marked("{name} {n_tau} of {n_frames}"),
    marked("{name} below 1 of {n_frames}"),
    marked("1 draw of initial weights"),
    marked("{n} initial weights"),
    marked("1 batch order"),
    marked("{n} batch orders"),
    marked("1 batch order, {n_times} times over"),
    marked("{n} batch orders, {n_times} times over"),
    marked("{known_one}; {known_other}"),
    marked("{counted_things} ({names})"),
    marked("{known_lost}; …"),
    marked("{n} of '{variant}' ({names})"),
    marked("{known_one} and {known_other}"),
    marked("{counted_repeats} ({quoted}) of '{variant}'"),
)
