"""Zero-shot classification on the command line: candidate labels instead of trained labels."""

import argparse

import kerasft
from kerasft.errors import bad_argument


def add_zero_shot(parser: argparse.ArgumentParser) -> None:
    """Add the flags of zero-shot classification.

    Example:

    >>> parser = argparse.ArgumentParser()
    >>> add_zero_shot(parser)
    >>> parser.parse_args(["--labels", "film", "money"]).labels
    ['film', 'money']
    """
    parser.add_argument(
        "--labels",
        "--candidate-labels",
        dest="labels",
        nargs="+",
        action="extend",
        metavar="LABEL",
        help="candidate labels, for an NLI model or a sentence embedder; a single argument is split at commas",
    )
    parser.add_argument(
        "--hypothesis-template",
        metavar="TEMPLATE",
        help='hypothesis, with {} for the label (default: "This text is about {}.")',
    )
    parser.add_argument(
        "--multi-label",
        action="store_true",
        default=None,
        help="score each label independently: a text can have several labels, or none",
    )
    parser.add_argument(
        "--entailment",
        metavar="NAME",
        help="the NLI model's label for entailment (default: the label that starts with entail)",
    )


def with_labels(pipeline, args: argparse.Namespace) -> "kerasft.pipelines.Pipeline":
    """Return the pipeline; with `--labels`, a `ZeroShotPipeline` of it.

    Raises:
        KerasftError: If the other flags are set without `--labels`, or the model does not support zero-shot classification.

    Example:

    >>> from kerasft.demo import tiny
    >>> model, tokenizer = tiny.classifier(), tiny.tokenizer()
    >>> classify = kerasft.pipelines.load(kerasft.make_bundle(model, tokenizer))
    >>> with_labels(classify, argparse.Namespace(labels=None)) is classify
    True
    """
    names = [name for label in args.labels or () for name in ([label] if len(args.labels) > 1 else label.split(","))]
    names = [name.strip() for name in names]
    if not names:
        for name in ("hypothesis_template", "multi_label", "entailment"):
            if (value := getattr(args, name, None)) is not None:
                flag = "--" + name.replace("_", "-")
                raise bad_argument(flag, "omitted without --labels", value, "Add --labels with candidate labels.")
        return pipeline
    chosen = {"hypothesis": args.hypothesis_template, "entailment": args.entailment}
    return kerasft.pipelines.ZeroShotPipeline(
        pipeline,
        kerasft.multi_label(names) if args.multi_label else names,
        **{name: value for name, value in chosen.items() if value is not None},
    )
