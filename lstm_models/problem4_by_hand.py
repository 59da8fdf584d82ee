def derivatives(*a, **k): raise NotImplementedError
def rows_derivatives(*a, **k): raise NotImplementedError
