"""The steps of an export that native code of other libraries takes, each in a process of its own: it may crash.

Such a process imports no more than its step needs, hence this package beside `kerasft.export`.
"""
