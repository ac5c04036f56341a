"""The command line: `kerasft train | evaluate | predict | export | convert | benchmark | doctor | demo`."""
