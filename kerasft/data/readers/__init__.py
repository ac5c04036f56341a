"""Files and objects to rows, one module a format."""
