"""The safe command language of sequences, and the rules of stepping. Pure: no I/O.

`verb` marks a method that a command text may call. `parse` reads a text, `preview`
says what it would do. `Stepper` and `index_for` are the rules of stepping; `index_from`
reads a trigger. Trajectories are float64 arrays of shape (n,), in the units of the
system. A text that is refused raises GrammarError; nothing in a text is evaluated. Any
thread, unless a docstring says otherwise.
"""

from sswd.sequence.errors import (
    GrammarError,
    StepError,
    TriggerError,
    TriggerKeyError,
    VerbError,
)
from sswd.sequence.grammar import Call, parse
from sswd.sequence.points import DEFAULT_LIMIT, Series
from sswd.sequence.preview import OWN_TEXT, Preview, preview
from sswd.sequence.registration import Verb, verb, verbs_of
from sswd.sequence.stepping import Step, Stepper, index_for
from sswd.sequence.trigger_text import index_from
from sswd.sequence.verbs import Parameter, VerbSignature, signature_of

__all__ = [
    "DEFAULT_LIMIT",
    "OWN_TEXT",
    "Call",
    "GrammarError",
    "Parameter",
    "Preview",
    "Series",
    "Step",
    "StepError",
    "Stepper",
    "TriggerError",
    "TriggerKeyError",
    "Verb",
    "VerbError",
    "VerbSignature",
    "index_for",
    "index_from",
    "parse",
    "preview",
    "signature_of",
    "verb",
    "verbs_of",
]
