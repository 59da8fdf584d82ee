def derivatives(*a, **k): raise NotImplementedError
