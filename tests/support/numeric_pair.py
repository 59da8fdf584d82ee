"""Derivatives of a forward by central differences, one entry at a time, beside what its backward returns."""

import ast
import copy
import inspect
import re

import numpy as np

STEP = 1e-4
CACHES = frozenset("cache caches saved ctx memo stored tape".split())
FORWARDS = ("_forward", "_fwd", "_fprop", "")
BACKWARDS = ("_backward", "_bwd", "_bprop", "_grad", "_vjp")


class Pair:
    """A forward and its backward at one sample point: `value` of given arguments, and the `gradients` by hand."""

    def __init__(self, namespace, name):
        """Find the functions or the class called NAME, and take what its example returns."""
        label = f"example_{name}" if name else "example"
        self.arguments = namespace[label]()
        self.object = None
        if isinstance(self.arguments, tuple) and hasattr(self.arguments[0], "forward"):
            self.object, self.arguments = self.arguments
        if self.object is None:
            self.forward, self.backward = functions(namespace, name)
        else:
            self.forward, self.backward = self.object.forward, self.object.backward
        parameters = list(inspect.signature(self.forward).parameters)
        if isinstance(self.arguments, dict):
            self.arguments = tuple(self.arguments[key] for key in parameters)
        self.names = parameters[: len(self.arguments)]
        self.upstream = []
        self.cached = False
        if self.backward is not None:
            taken = list(inspect.signature(self.backward).parameters.items())
            self.cached = any(key in CACHES for key, _ in taken)
            self.upstream_names = [
                key for key, p in taken if key not in parameters and key not in CACHES and p.default is p.empty
            ]
            rng = np.random.default_rng(len(name))
            outputs = self.outputs(self.object, self.arguments)
            self.upstream = [rng.standard_normal(np.shape(outputs[k])) for k in range(len(self.upstream_names))]

    def returned(self, instance, arguments):
        """Return what the forward returns of copies of the arguments, as a tuple, and the object that it changed."""
        instance, arguments = copy.deepcopy((instance, arguments))
        result = self.forward(*arguments) if instance is None else type(instance).forward(instance, *arguments)
        return (result if isinstance(result, tuple) else (result,)), instance, arguments

    def outputs(self, instance, arguments):
        """Return the outputs of the forward, without the cache."""
        result, _, _ = self.returned(instance, arguments)
        if self.backward is None:
            return result[:1]
        return result[:-1] if self.cached else result

    def value(self, instance, arguments):
        """Return the sum of upstream times outputs, or the loss itself where the backward takes no upstream."""
        outputs = self.outputs(instance, arguments)
        if not self.upstream:
            assert np.size(outputs[0]) == 1
            return np.asarray(outputs[0]).item()
        return sum(np.sum(up * out) for up, out in zip(self.upstream, outputs, strict=False))

    def by_hand(self):
        """Return what the backward returns, and the object with the gradients that it left there."""
        result, instance, arguments = self.returned(self.object, self.arguments)
        if self.backward is None:
            return (result[1] if len(result) == 2 else result[1:]), instance
        known = dict(zip(self.names, arguments, strict=True))
        known |= dict(zip(self.upstream_names, copy.deepcopy(self.upstream), strict=True))
        taken = {}
        for key, parameter in inspect.signature(self.backward).parameters.items():
            if key in CACHES:
                taken[key] = result[-1]
            elif key in known:
                taken[key] = known[key]
            else:
                assert parameter.default is not parameter.empty, key
        backward = self.backward if instance is None else instance.backward
        return backward(**taken), instance

    def gradients(self, order=None):
        """Return (label, gradient by hand, path of the input) for each gradient returned or left on the object."""
        result, instance = self.by_hand()
        found = []
        if isinstance(result, dict):
            found += self.named(result)
        elif result is not None:
            one = result if isinstance(result, (tuple, list)) else (result,)
            names = order or [n for n, a in zip(self.names, self.arguments, strict=True) if differentiable(a)]
            assert order or len(one) <= len(names), (len(one), names)
            for name, gradient in zip(names, one, strict=False):
                index = self.names.index(name)
                if isinstance(gradient, dict):
                    found += self.named(gradient)
                elif isinstance(gradient, list):
                    found += leaves(name, gradient, ("arguments", index))
                elif gradient is not None:
                    found.append((name, gradient, ("arguments", index)))
        if instance is not None:
            found += left(instance, self.object, ())
        return found

    def named(self, gradients):
        """Return the same for a dict of gradients; what names no input is an intermediate, and is left out."""
        found = []
        for key, gradient in gradients.items():
            inner = stem(key)
            for index, (name, argument) in enumerate(zip(self.names, self.arguments, strict=True)):
                if inner == name and differentiable(argument):
                    found.append((key, gradient, ("arguments", index)))
                elif isinstance(argument, dict) and inner in argument:
                    found.append((key, gradient, ("arguments", index, inner)))
        assert found or self.object is not None, list(gradients)
        return found

    def numeric(self, path):
        """Return the derivative for the input at a path, entry by entry."""
        instance, arguments = copy.deepcopy((self.object, list(self.arguments)))
        holder, key = arguments if path[0] == "arguments" else instance, path[-1]
        for step in path[1:-1]:
            holder = vars(holder)[step] if isinstance(step, str) and hasattr(holder, "__dict__") else holder[step]
        by_attribute = hasattr(holder, "__dict__") and isinstance(key, str)
        base = np.array(vars(holder)[key] if by_attribute else holder[key], dtype=float)

        def at(array):
            array = array if array.ndim else float(array)
            if by_attribute:
                setattr(holder, key, array)
            else:
                holder[key] = array
            return self.value(instance, tuple(arguments))

        return differences(at, base)


def differences(function, base):
    """Return the derivative of a function of one array, by fourth-order central differences."""
    gradient = np.zeros_like(base)
    for index in np.ndindex(base.shape):
        moved = {}
        for k in (-2, -1, 1, 2):
            array = base.copy()
            array[index] += k * STEP
            moved[k] = function(array)
        gradient[index] = (8 * (moved[1] - moved[-1]) - (moved[2] - moved[-2])) / (12 * STEP)
    return gradient


def functions(namespace, name):
    """Return the forward and backward of a name; no backward if one function returns loss and gradients."""
    for end in FORWARDS:
        for start in BACKWARDS:
            forward, backward = (name + end).lstrip("_"), (name + start).lstrip("_")
            if forward in namespace and backward in namespace:
                return namespace[forward], namespace[backward]
    return namespace[name], None


def differentiable(argument):
    """Say whether an argument is numbers that may move: an array of floats, a float, or a dict or list of them."""
    if isinstance(argument, dict):
        return bool(argument) and all(differentiable(a) for a in argument.values())
    if isinstance(argument, list):
        return bool(argument) and all(differentiable(a) for a in argument)
    return isinstance(argument, float) or (isinstance(argument, np.ndarray) and argument.dtype.kind == "f")


def stem(key):
    """Return the name that a gradient is for: W1 of dW1, d_W1, grad_W1, gW1 and W1_grad, or the name itself."""
    for pattern in (r"(?:dL_d|dLd|grad_|d_)(\w+)", r"(\w+)_grad", r"[dg](\w+)"):
        if match := re.fullmatch(pattern, key):
            return match[1]
    return key


def leaves(label, gradients, path):
    """Return the same for each array in lists and dicts of gradients that are built as their inputs are."""
    if not isinstance(gradients, (list, dict)):
        return [(label, gradients, path)]
    rows = gradients.items() if isinstance(gradients, dict) else enumerate(gradients)
    return [leaf for key, gradient in rows for leaf in leaves(f"{label}[{key!r}]", gradient, (*path, key))]


def left(instance, before, path):
    """Return the gradients left on an object: self.dW, and self.grads["W"] beside self.params, inner layers too."""
    found = []
    held, old = vars(instance), vars(before)
    for key, value in held.items():
        inner = stem(key)
        if inner != key and inner in old and isinstance(value, np.ndarray):
            found.append((f"self.{key}", value, ("object", *path, inner)))
        elif key == "grads" and isinstance(value, dict):
            for name, gradient in value.items():
                if stem(name) in old:
                    found.append((f"grads[{name!r}]", gradient, ("object", *path, stem(name))))
                else:
                    inner = name if name in old["params"] else stem(name)
                    found.append((f"grads[{name!r}]", gradient, ("object", *path, "params", inner)))
        elif key == "layers":
            for k, layer in enumerate(value):
                found += [(f"layers[{k}].{a}", g, p) for a, g, p in left(layer, old[key][k], (*path, "layers", k))]
        elif hasattr(value, "forward"):
            found += [(f"{key}.{a}", g, p) for a, g, p in left(value, old[key], (*path, key))]
    return found


def script_gradients(source):
    """Return (name, gradient by hand, numeric gradient) for each name of a flat script that another names with d."""
    body = ast.parse(source).body
    finished = {}
    exec(compile(ast.Module(body, []), "script", "exec"), finished)
    assigned = {}
    for number, statement in enumerate(body):
        for target in getattr(statement, "targets", []):
            for node in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(node, ast.Name):
                    assigned[node.id] = number
    rows = []
    for key, gradient in finished.items():
        name = stem(key)
        if name == key or name not in assigned or key not in assigned or not differentiable(np.asarray(finished[name])):
            continue
        # Run from the first statement each time: what is drawn at random later must be the same again.
        before = compile(ast.Module(body[: assigned[name] + 1], []), "script", "exec")
        after = compile(ast.Module(body[assigned[name] + 1 : assigned["loss"] + 1], []), "script", "exec")

        def loss(array, name=name, before=before, after=after):
            namespace = {}
            exec(before, namespace)
            namespace[name] = array
            exec(after, namespace)
            return float(namespace["loss"])

        rows.append((key, gradient, differences(loss, np.array(finished[name], dtype=float))))
    return rows


def disagreement(by_hand, numeric):
    """Return the largest difference, relative to the largest entry; infinite if the shapes are not the same."""
    by_hand = np.asarray(by_hand, dtype=float)
    if by_hand.shape != numeric.shape:
        return np.inf
    return np.max(np.abs(by_hand - numeric)) / max(np.max(np.abs(numeric)), 1e-3)
