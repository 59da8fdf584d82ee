# A character model with one hidden layer and batch norm; the backward pass one tiny operation at a time
import numpy as np

rng = np.random.default_rng(77)
letters, width, context, hidden, batch = 7, 2, 3, 5, 8

# parameters
table  = rng.standard_normal((letters, width))
Win    = rng.standard_normal((width * context, hidden)) * 0.5
Wout   = rng.standard_normal((hidden, letters)) * 0.4
bout   = rng.standard_normal(letters) * 0.1
gain   = 1.0 + rng.standard_normal(hidden) * 0.1
shift  = rng.standard_normal(hidden) * 0.1

# a batch
ix      = rng.integers(0, letters, (batch, context))
answers = rng.integers(0, letters, batch)
rows    = np.arange(batch)

# ---------------------------------------------------------------- forward
looked_up = table[ix]
flat      = looked_up.reshape(batch, -1)
pre       = flat @ Win
avg       = pre.sum(0) / batch
centered  = pre - avg
squares   = centered**2
var       = squares.sum(0) / (batch - 1)      # unbiased
spread    = np.sqrt(var + 1e-5)
inv       = spread**-1
unit      = centered * inv
scaled    = gain * unit
act_in    = scaled + shift
act       = np.tanh(act_in)
logits    = act @ Wout + bout
biggest   = logits.max(1, keepdims=True)
lowered   = logits - biggest
exps      = np.exp(lowered)
Zsum      = exps.sum(1, keepdims=True)
Zinv      = 1 / Zsum
probs     = exps * Zinv
picked    = probs[rows, answers]
logp      = np.log(picked)
loss      = -logp.sum() / batch

# ---------------------------------------------------------------- backward
dlogp      = -np.ones(batch) / batch
dpicked    = dlogp / picked
dprobs     = np.zeros_like(probs)
dprobs[rows, answers] = dpicked
dZinv      = (dprobs * exps).sum(1, keepdims=True)
dexps      = dprobs * Zinv
dZsum      = -dZinv * Zinv**2
dexps     += np.broadcast_to(dZsum, exps.shape)
dlowered   = dexps * exps
dbiggest   = -dlowered.sum(1, keepdims=True)
dlogits    = dlowered.copy()
dlogits[rows, logits.argmax(1)] += dbiggest[:, 0]
dact       = dlogits @ Wout.T
dWout      = act.T @ dlogits
dbout      = dlogits.sum(0)
dact_in    = dact * (1 - act * act)
dshift     = dact_in.sum(0)
dscaled    = dact_in
dgain      = (dscaled * unit).sum(0)
dunit      = dscaled * gain
dinv       = (dunit * centered).sum(0)
dcentered  = dunit * inv
dspread    = -dinv / spread**2
dvar       = dspread / (2 * spread)
dsquares   = np.ones((batch, 1)) * dvar / (batch - 1)
dcentered += dsquares * 2 * centered
davg       = -dcentered.sum(0)
dpre       = dcentered + davg / batch
dWin       = flat.T @ dpre
dflat      = dpre @ Win.T
dlooked_up = dflat.reshape(looked_up.shape)
dtable     = np.zeros_like(table)
for r in range(batch):
    for p in range(context):
        dtable[ix[r, p]] += dlooked_up[r, p]
