#!/usr/bin/env python3
"""The kernel of mandelbrot.lua in a virtual machine of Lupa, for comparing with ours (benches/mandelbrot.rs).

usage: mandelbrot.py SIZE TURNS REPEATS
Prints the number of bounded points, then the seconds that one run takes: the median."""
import pathlib
import statistics
import sys
import time

import lupa.luajit21 as lupa

size, turns, repeats = map(int, sys.argv[1:])
source = pathlib.Path(__file__).with_suffix(".lua").read_text()
kernel = lupa.LuaRuntime().execute(source)
times = []
for _ in range(repeats):
    started = time.perf_counter()
    bounded = kernel(size, turns)
    times.append(time.perf_counter() - started)
print(bounded)
print(statistics.median(times))
