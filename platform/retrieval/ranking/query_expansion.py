"""Query expansion: search again with the query and its nearest candidates together.

AQE: Chum, Philbin, Sivic, Isard and Zisserman, "Total Recall", ICCV 2007. alpha-QE: Radenovic, Tolias and
Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", PAMI 2019, section 4.3.
"""

from retrieval.ranking.vectors import Reals, scale_to_unit, weigh_similarities


def expand_average(query: Reals, vectors: Reals, k: int) -> Reals:
    """The unit vector (d,) of the query and the first k candidates, each with weight 1.

    query (d,) and vectors (n, d), nearest first, are of unit length; n may be 0. A candidate with a negative
    similarity to the query takes no part. It is alpha-QE with alpha = 0.
    """
    return expand_alpha(query, vectors, k, alpha=0.0)


def expand_alpha(query: Reals, vectors: Reals, k: int, alpha: float = 3.0) -> Reals:
    """The unit vector (d,) of q + sum s_i^alpha v_i over the first k candidates, s_i = q.v_i.

    As `expand_average`, but a candidate counts the less the farther it is. The sum is never zero: nothing
    that points away from the query is added to it.
    """
    nearest = vectors[:k]
    return scale_to_unit(query + weigh_similarities(nearest @ query, alpha) @ nearest)
