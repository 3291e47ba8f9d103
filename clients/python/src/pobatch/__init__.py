"""Client for pobatch: evaluates variations of Path of Exile builds by the thousand, exactly.

:class:`Client` blocks, :class:`AsyncClient` does not; both have the same calls. The messages of the API are in
:mod:`pobatch.v1`, generated from the protos, where every field is documented.
"""

from pobatch._access import Tls
from pobatch._aio import AsyncClient
from pobatch._aio_evaluation import AsyncEvaluation
from pobatch._build import Build
from pobatch._catalog import (
    BuildFile,
    Engine,
    EngineDescription,
    MasteryEffect,
    Passive,
    PassiveTree,
    Points,
    StatInfo,
)
from pobatch._client import Client
from pobatch._errors import CallError, ConnectionLost, EngineDiffers, PobatchError
from pobatch._evaluation import Evaluation
from pobatch._explain import ExplainedModifier, Explanation, ExplanationSection, ExplanationTable
from pobatch._outcome import (
    Failure,
    Header,
    Outcome,
    Results,
    ScenarioBase,
    ScenarioResult,
    Summary,
    Value,
    Warning,
)
from pobatch._reduction import Objective, Reduction
from pobatch._retry import RetryPolicy
from pobatch._sweep import Sweep
from pobatch._variation import (
    FlaskChange,
    GemChange,
    GroupChange,
    ItemChange,
    MasteryChoice,
    TattooChange,
    Variation,
)

__all__ = [
    "AsyncClient",
    "AsyncEvaluation",
    "Build",
    "BuildFile",
    "CallError",
    "Client",
    "ConnectionLost",
    "Engine",
    "EngineDescription",
    "EngineDiffers",
    "Evaluation",
    "ExplainedModifier",
    "Explanation",
    "ExplanationSection",
    "ExplanationTable",
    "Failure",
    "FlaskChange",
    "GemChange",
    "GroupChange",
    "Header",
    "ItemChange",
    "MasteryChoice",
    "MasteryEffect",
    "Objective",
    "Outcome",
    "Passive",
    "PassiveTree",
    "PobatchError",
    "Points",
    "Reduction",
    "Results",
    "RetryPolicy",
    "ScenarioBase",
    "ScenarioResult",
    "StatInfo",
    "Summary",
    "Sweep",
    "TattooChange",
    "Tls",
    "Value",
    "Variation",
    "Warning",
]
