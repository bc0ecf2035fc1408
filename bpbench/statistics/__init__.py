"""Statistics: arrays in, frozen and judged values out; neither physics nor files nor machines are known here.

``samples`` holds one value per independent repeat and ``pairs`` two samples, ``designs`` says which test a design
allows and ``rules`` how a family is judged, ``student``, ``ranks``, ``rank_sums`` and ``permutation`` find what a test
says of one pair, joined by ``evidence``, ``equivalence`` asks whether a difference is too small to matter, by
``margins`` of any measure, ``corrections`` adjusts a family's p-values and ``maxt`` makes them for all of it at once,
``slots`` declares families whose members a search will choose, and ``compare`` joins all of it into verdicts. ``power``
says beforehand what a design could detect, ``repeats`` how many of them would be enough, and ``summaries`` tests
published means and spreads. ``adoption`` makes a decision of one comparison, ``spending`` gives each of many its level.

Beside the verdicts, and making none: ``friedman``, ``ranking`` and ``anova`` look at all variants at once, ``bayes``
at posteriors of a pair. ``estimates`` says how large a difference is: ``effects`` defines the measures, ``intervals``
the intervals, ``estimators`` joins them one by one, and ``coverage`` simulates how often they hold the truth.
``best_of`` is what the best of several repeats would show.

For searches: ``racing`` stops hopeless candidates, ``stability`` says how far repeated choices agree, ``by_size`` what
random draws of a size give, ``front`` what nothing beats in error and cost, ``reserve`` how many blocks a margin needs.

Of its own: ``variance`` says where noise comes from, ``autocorrelation`` how long a series remembers.
"""
