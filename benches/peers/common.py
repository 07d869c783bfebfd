"""What every peer shares: sizes from `key=value` words, and the line of JSON that says what was measured."""

import json
import sys
from types import SimpleNamespace


def settings(**defaults):
    """The words of the command line, numbers as numbers; the last of equal keys counts."""
    words = dict(word.split("=", 1) for word in sys.argv[1:])
    return SimpleNamespace(**defaults | {key: _value(word) for key, word in words.items()})


def _value(word):
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            pass
    return word


def median(values):
    values = sorted(values)
    return values[len(values) // 2]


def peak_bytes():
    """The largest resident memory of this process so far."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024
    except OSError:
        return 0


def report(row, peer, value, unit, note=None, peak=None):
    """Says what was measured, the last thing that a peer does; `peak` where memory was taken after the work."""
    line = {"row": row, "peer": peer, "value": value, "unit": unit, "peak_bytes": peak or peak_bytes()}
    print(json.dumps(line | ({"note": note} if note else {})), flush=True)
