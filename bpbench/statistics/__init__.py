"""Statistics: arrays in, frozen and judged values out; neither physics nor files nor machines are known here.

``samples`` holds one value per independent repeat, ``rules`` says which test a design allows, ``student`` and
``ranks`` find what a test says of one pair, ``equivalence`` asks whether a difference is too small to matter,
``corrections`` adjusts a family's p-values, ``compare`` joins all of it into verdicts, and ``power`` says beforehand
what a design could detect. ``ranking``, ``anova`` and ``bayes`` say what stands beside the verdicts and makes none:
ranks and variance of all variants at once, posteriors of a pair.
"""
