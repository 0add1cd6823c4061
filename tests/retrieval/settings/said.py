"""Strategies for what people say of settings: values that each could be, and values that no setting has."""

from typing import Any

from hypothesis import strategies as st

from retrieval.settings.gallery import KINDS
from retrieval.settings.index import INDEX_KINDS
from retrieval.settings.kinds import Choice, Flag, Kind, Names, Number

EMBEDDERS = st.lists(st.sampled_from(["one", "two", "three"]), min_size=1, max_size=3, unique=True)
RERANK = st.sampled_from([[], ["k_reciprocal"], ["alpha_qe", {"policy": "k_reciprocal", "k1": 30}]])
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(), st.none(), max_size=1),
)


def values_of(kind: Kind) -> st.SearchStrategy[Any]:
    match kind:
        case Flag():
            return st.booleans()
        case Choice():
            return st.sampled_from(kind.words)
        case Names():
            return EMBEDDERS
        case Number(whole=True):
            return st.integers(int(kind.least), int(kind.most))
        case Number():
            return st.floats(kind.least, kind.most)
    raise TypeError(kind)


INDEX = st.fixed_dictionaries({}, optional={name: values_of(kind) for name, kind in INDEX_KINDS.items()})
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        **{name: values_of(kind) for name, kind in KINDS.items()},
        "rerank": RERANK,
        "index": INDEX,
    },
)
ANY_INDEX = st.dictionaries(st.sampled_from([*INDEX_KINDS, "zoom"]), ANYTHING, max_size=3)
ANY_SETTINGS = st.dictionaries(
    st.sampled_from([*KINDS, "rerank", "zoom"]), ANYTHING, max_size=3
) | st.fixed_dictionaries({"index": ANY_INDEX | ANYTHING})
