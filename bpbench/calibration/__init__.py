"""Calibration: how often each rule errs, measured on drawn data whose truth is known.

``claims`` says what is claimed of a rule and measures it, ``nulls`` draws data without any difference, ``effects``
data with a known one, ``trainings`` repeats whole studies whose contestants are equally good, ``plan`` lays out every
claim at a given size, and ``table`` tells what came of them.
"""
