import numpy as np
import pytest

from inference.projection import Projection, fit_projection
from inference.vectors import Vectors, normalise


def draw_rows(count: int, width: int, seed: int = 3) -> Vectors:
    """Unit rows that are never negative and lie along some axes more than along others."""
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((count, width)) @ (random.standard_normal((width, width)) * 0.2)
    return normalise(np.abs(mixed * np.linspace(2, 0.1, width)).astype(np.float32))


def test_projection_gives_unit_rows_of_the_dims_asked_for() -> None:
    rows = draw_rows(300, 40)
    projection = fit_projection(rows, dims=16)
    projected = projection.apply(rows)
    assert (projection.dims, projection.matrix.shape, projected.shape) == (16, (40, 16), (300, 16))
    assert all(part.dtype == np.float32 for part in (projection.mean, projection.matrix, projected))
    assert np.linalg.norm(projected, axis=1) == pytest.approx(np.ones(300), abs=1e-5)
    assert projection.apply(rows[:0]).shape == (0, 16)


@pytest.mark.parametrize("count", [300, 30])
def test_fit_equals_an_eigendecomposition_of_the_covariance(count: int) -> None:
    rows = draw_rows(count, 40).astype(np.float64)
    eigenvalues, axes = np.linalg.eigh(np.cov(rows.T))
    expected = axes[:, ::-1][:, :12] * eigenvalues[::-1][:12] ** -0.25
    fitted = fit_projection(rows.astype(np.float32), dims=12)
    assert fitted.mean == pytest.approx(rows.mean(axis=0), abs=1e-6)
    signs = np.sign((expected * fitted.matrix).sum(axis=0))
    assert fitted.matrix == pytest.approx(expected * signs, rel=1e-3, abs=1e-3)


def test_fit_with_power_minus_half_whitens() -> None:
    rows = draw_rows(500, 20)
    projection = fit_projection(rows, dims=20, power=-0.5)
    spread = np.cov(((rows - projection.mean) @ projection.matrix).T)
    assert spread == pytest.approx(np.eye(projection.dims), abs=1e-2)


@pytest.mark.parametrize(("count", "width", "dims", "expected"), [(9, 40, 256, 8), (300, 6, 256, 6)])
def test_fit_keeps_to_what_the_vectors_hold(count: int, width: int, dims: int, expected: int) -> None:
    assert fit_projection(draw_rows(count, width), dims=dims).dims == expected


@pytest.mark.parametrize("count", [200, 20])
def test_fit_drops_axes_on_which_the_vectors_do_not_differ(count: int) -> None:
    flat = draw_rows(count, 5) @ draw_rows(5, 60, seed=4)
    projection = fit_projection(flat, dims=50)
    assert projection.dims == 5
    strongest = np.abs(projection.matrix).max(axis=0)
    assert strongest.max() / strongest.min() < 100


def test_fit_takes_vectors_rounded_to_half_precision() -> None:
    halves = np.asarray(draw_rows(200, 5) @ draw_rows(5, 60, seed=4), np.float16).astype(np.float32)
    projected = fit_projection(halves, dims=5).apply(halves)
    exact = fit_projection(draw_rows(200, 5) @ draw_rows(5, 60, seed=4), dims=5).apply(halves)
    assert np.abs(projected @ projected.T - exact @ exact.T).max() < 0.02


def test_fit_twice_gives_the_same() -> None:
    rows = draw_rows(200, 30)
    one, two = fit_projection(rows), fit_projection(rows.copy())
    assert np.array_equal(one.matrix, two.matrix)
    greatest = one.matrix[np.abs(one.matrix).argmax(axis=0), np.arange(one.dims)]
    assert (greatest > 0).all()


def test_projection_tells_apart_what_only_a_weak_axis_does() -> None:
    random = np.random.default_rng(5)
    common = np.abs(random.standard_normal((400, 1))) * np.ones((1, 8)) * 3
    side = np.where(np.arange(400) % 2, 0.3, -0.3)[:, None] * np.array([[1, -1, 0, 0, 0, 0, 0, 0]])
    rows = (common + side + 4).astype(np.float32)
    plain, projected = normalise(rows), fit_projection(rows, dims=4).apply(rows)
    assert float(plain[0] @ plain[1]) > 0.95
    assert float(np.median(projected[::2] @ projected[1])) < 0


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (draw_rows(1, 8), "at least 2 vectors, not 1"),
        (draw_rows(0, 8), "at least 2 vectors, not 0"),
        (np.ones((5, 8), np.float32), "all the same"),
        (np.zeros((50, 8), np.float32), "all the same"),
        (np.full((5, 8), np.nan, np.float32), "not finite"),
        (np.full((5, 8), np.inf, np.float32), "not finite"),
        (np.ones(8, np.float32), r"\(n, dim\)"),
    ],
)
def test_fit_refuses_what_it_cannot_be_fitted_on(rows: Vectors, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        fit_projection(rows)


def test_fit_refuses_no_dimensions() -> None:
    with pytest.raises(ValueError, match="at least 1 dimension, not 0"):
        fit_projection(draw_rows(20, 8), dims=0)


def test_apply_refuses_vectors_of_another_model() -> None:
    projection = fit_projection(draw_rows(20, 8))
    with pytest.raises(ValueError, match=r"\(n, 8\) are wanted, not \(4, 9\)"):
        projection.apply(draw_rows(4, 9))
    with pytest.raises(ValueError, match="not finite"):
        projection.apply(np.full((1, 8), np.nan, np.float32))


def test_apply_leaves_the_mean_itself_at_zero() -> None:
    projection = Projection(np.ones(3, np.float32), np.eye(3, 2, dtype=np.float32))
    assert np.array_equal(projection.apply(np.ones((1, 3), np.float32)), np.zeros((1, 2)))
