"""Export steps that run native code of other libraries, each in a subprocess, because it may crash.

The subprocess imports only what its step needs, so this package is separate from `kerasft.export`.
"""
