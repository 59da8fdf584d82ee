def derivatives(*a, **k): raise NotImplementedError
def rnn_derivatives(*a, **k): raise NotImplementedError
