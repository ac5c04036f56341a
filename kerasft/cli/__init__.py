"""The command line: `kerasft train | evaluate | predict | export | benchmark | doctor | demo`."""
