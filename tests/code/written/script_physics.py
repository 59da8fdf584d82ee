# Fit of a damped oscillation; least squares by hand. Scalars parameters, vector data.
import numpy as np

t = np.linspace(0.0, 3.0, 11)
data = np.sin(2.1 * t) * np.exp(-0.4 * t) + 0.05 * np.cos(17 * t)
A, k, w, phi, c = 1.2, 0.5, 1.9, 0.3, -0.1

env = np.exp(-k * t)
arg = w * t + phi
osc = np.sin(arg)
sig = A * env * osc
model = sig + c
res = model - data
chi2 = (res ** 2).sum()
loss = 0.5 * chi2 / (len(t) - 5)

dchi2 = 0.5 / (len(t) - 5)
dres = 2 * res * dchi2
dmodel = dres
dc = dmodel.sum()
dsig = dmodel
dA = (dsig * env * osc).sum()
denv = dsig * A * osc
dosc = dsig * A * env
darg = dosc * np.cos(arg)
dw = (darg * t).sum()
dphi = darg.sum()
dk = -(denv * env * t).sum()
