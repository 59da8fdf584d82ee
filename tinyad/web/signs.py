"""The signs that the page has on its palette and completes from their commands in LaTeX."""

from __future__ import annotations

from tinyad.derivation.language.latex_commands import GREEK

# fmt: off
SIGNS = {
    "nabla": "∇", "partial": "∂", "delta": "δ", "top": "ᵀ", "odot": "⊙", "circ": "∘", "cdot": "·", "otimes": "⊗",
    "sum": "Σ", "prod": "∏", "times": "×", "sigma": "σ", "in": "∈", "ell": "ℓ", "leq": "≤", "geq": "≥", "neq": "≠",
    "langle": "⟨", "rangle": "⟩", "|": "‖", "ldots": "…", "Rightarrow": "⇒",
}
# fmt: on
# Without a command of one word: what is typed behind the backslash is a name for it.
SCRIPTS = {"^2": "²", "^3": "³", "^-1": "⁻¹", "_t": "ₜ", "_1": "₁", "_2": "₂", "^T": "ᵀ", "mathbb1": "𝟙", "sqrt": "√"}
PALETTE = "∇ ∂ δ ᵀ ∘ ⊙ · ⊗ Σ × ² ⁻¹ ₜ ⟨ ⟩ ‖ ≤ ≥ ≠ ∈ α β γ ε η θ λ μ ξ π σ τ φ ψ ω Δ Θ Λ Φ Ω ℓ 𝟙 √ …".split()


def completions() -> list[dict[str, str]]:
    """Return every command with its sign, the signs of the palette first."""
    commands = SIGNS | SCRIPTS | GREEK
    return [{"label": f"\\{name}", "sign": sign} for name, sign in commands.items()]


def palette() -> list[dict[str, str]]:
    """Return the signs of the palette, each with what is typed for it."""
    typed = {sign: f"\\{name}" for name, sign in (GREEK | SCRIPTS | SIGNS).items()}
    return [{"sign": sign, "typed": typed[sign]} for sign in PALETTE]
