"""Suggestions put into the file they were made for, and the file checked again."""

from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.language.source import DerivationError, Source


def false_suggestions(report):
    """Return the suggestions of a report, each alone, after which its line is not right or another line is worse."""
    return [v.suggestion for n, v in enumerate(report.verdicts) if v.suggestion and not is_mended(report, n)]


def is_mended(report, n):
    v, before = report.verdicts[n], report.source.text
    after = verdicts_of(before[: v.start] + v.suggestion + before[v.end :])
    if after is None or len(after) != len(report.verdicts) or not (after[n].ok or after[n].verdict == "missing"):
        return False
    return not worse(report.verdicts, after)


def verdicts_of(text):
    """Return the verdicts on all lines of a text; None if it cannot be read."""
    try:
        return [v for _, lines in check_without_corrections(Source(text)) for v in lines.verdicts]
    except DerivationError:
        return None


def worse(before, after):
    """Return the lines that were right and are not any more."""
    return [b.text for a, b in zip(before, after, strict=True) if a.ok and not b.ok]


def with_all(report):
    """Return the text with all suggestions, and behind the lines of each set those that are proposed."""
    text, places = report.source.text, []
    for _, part in report.parts:
        places += [(v.start, v.end, v.suggestion) for v in part.verdicts if v.suggestion]
        end = max((v.end for v in part.verdicts), default=0)
        places += [(end, end, "".join(f"\n{line}" for line in part.proposed))]
    for start, end, new in sorted(places, reverse=True):
        text = text[:start] + new + text[end:]
    return text
