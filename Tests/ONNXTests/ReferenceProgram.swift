/// Python that opens graphs in onnxruntime and compares them with schemes written out in NumPy, in
/// double, one row after another.
///
/// Arguments: the folder; then `FILE RULE INPUT TEMPERATURE` for each graph. Prints a line for each fault.
let referenceProgram = #"""
    import sys, itertools, numpy as np, onnx, onnxruntime as ort
    folder = sys.argv[1]
    A = np.load(folder + "/arrays.npz")
    K, D, H, W = 5, 7, 8, 9

    def softmax(z):
        e = np.exp(z - z.max())
        return e / e.sum()

    def layer(name, x):
        return A[name + ".w"].astype(float) @ x + A[name + ".b"]

    def pairs(x):
        d, r, at = layer("pairs", x), np.full((K, K), .5), 0
        for j in range(K):
            for i in range(j):
                r[i, j] = 1 / (1 + np.exp(-d[at])); r[j, i] = 1 / (1 + np.exp(d[at])); at += 1
        return r

    def won(rule, x):
        r = pairs(x)
        if rule == "hard": r = (r >= .5).astype(float)
        return np.array([sum(r[i, j] for j in range(K) if j != i) for i in range(K)])

    def coupled(r):
        n = len(r)
        Q = -r.T * r
        for i in range(n): Q[i, i] = sum(r[j, i] ** 2 for j in range(n) if j != i)
        M = np.block([[Q, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
        return np.linalg.solve(M, np.append(np.zeros(n), 1))[:n]

    def coupling(x):
        return coupled(np.clip(pairs(x), 1e-7, 1 - 1e-7))

    def dag(x):
        r, first, last, beaten = pairs(x), 0, K - 1, []
        while first < last:
            if r[first, last] >= .5: beaten.append((last, first)); last -= 1
            else: beaten.append((first, last)); first += 1
        w = np.zeros(K); w[first] = 1
        for loser, winner in reversed(beaten): w[loser] = w[winner] * r[loser, winner] / r[winner, loser]
        return w / w.sum()

    def shortlist(x):
        z = layer("whole", x)
        p, listed = softmax(z), sorted(np.argsort(-z, kind="stable")[:3])
        together, r = p[listed].sum(), np.clip(pairs(x), 1e-7, 1 - 1e-7)[np.ix_(listed, listed)]
        p[listed] = together * coupled(r)
        return p

    def tree(x):
        left, rest, p = list(range(K)), 1, np.zeros(K)
        while True:
            n = len(left)
            at = list(itertools.combinations(range(K), n)).index(tuple(left)) * n
            s = softmax(layer("tree%d" % n, x)[at:at + n])
            if n == 2: p[left] = rest * s; return p
            lowest = max(i for i in range(n) if s[i] == s.min())
            p[left[lowest]] = rest * s[lowest]; rest *= 1 - s[lowest]; del left[lowest]

    def features(kind, row):
        if kind == "none": return row.astype(float)
        if kind == "l2": return row / max(np.sqrt((row.astype(float) ** 2).sum()), 1e-300)
        if kind == "standardize": return (row - A["means"]) / A["scales"]
        c = int(kind[-1])
        t = [A["%s.%d" % (kind, i)].astype(float) for i in range(6)]
        v = row.reshape(H, W, c).transpose(2, 0, 1) / 255
        for w, b in ((t[0].reshape(3, c, 3, 3), t[1]), (t[2].reshape(4, 3, 3, 3), t[3])):
            o = np.zeros((len(w), v.shape[1] - 2, v.shape[2] - 2))
            for i in range(o.shape[1]):
                for j in range(o.shape[2]):
                    o[:, i, j] = (w * v[:, i:i + 3, j:j + 3]).sum((1, 2, 3)) + b
            v = np.maximum(o, 0)
        h, w = v.shape[1] // 2, v.shape[2] // 2
        v = v[:, :2 * h, :2 * w].reshape(4, h, 2, w, 2).max((2, 4))
        return np.maximum(t[4].reshape(D, -1) @ v.ravel() + t[5], 0)

    def probabilities(rule, kind, temperature, row):
        x = features(kind, row)
        if rule in ("soft", "hard"):
            w = won(rule, x)
            if temperature == 0: return w / w.sum()
            s = 2 ** -12 if rule == "soft" else .5
            return softmax(np.log((w + s) ** (2 if rule == "soft" else 1) / (K - 1 - w + s)) / temperature)
        if rule in ("rest", "far"):
            s = -np.logaddexp(0, -layer(rule, x))
            return softmax(s / (temperature or 1))
        if rule == "whole": p = softmax(layer("whole", x))
        else: p = {"coupling": coupling, "dag": dag, "shortlist": shortlist, "tree": tree}[rule](x)
        return p if temperature == 0 else softmax(np.log(p) / temperature)

    def session(path, threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    for at in range(2, len(sys.argv), 4):
        file, rule, kind, temperature = sys.argv[at:at + 4]
        fault = lambda *words: print(file, rule, kind, temperature, *words)
        model = onnx.load(folder + "/" + file)
        onnx.checker.check_model(model, full_check=True)
        if model.ir_version != 10 or model.opset_import[0].version != 21: fault("version")
        if any(n.op_type in ("Loop", "Scan", "If") for n in model.graph.node): fault("operator")
        rows = A["features"]
        if kind.startswith("images"):
            shape = (64, H, W) if kind == "images1" else (64, H, W, 2)
            rows = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        name = "images" if kind.startswith("images") else "features"
        one, two = session(folder + "/" + file, 1), session(folder + "/" + file, 2)
        outputs = ["label", "label_index", "probabilities"]
        label, index, p = one.run(outputs, {name: rows})
        expected = np.array([probabilities(rule, kind, float(temperature), r) for r in rows])
        if np.abs(p - expected).max() > 1e-5: fault("probabilities", np.abs(p - expected).max())
        best = np.sort(expected, 1)
        sure = best[:, -1] - best[:, -2] > 1e-5
        if (index != expected.argmax(1))[sure].any() or sure.sum() < (0 if rule == "far" else 4): fault("labels", sure.sum())
        if (index != p.argmax(1)).any(): fault("not the argmax")
        if rule in ("rest", "far"):
            z = np.array([layer(rule, features(kind, r)) for r in rows])
            gap = np.sort(z, 1)[:, -1] - np.sort(z, 1)[:, -2]
            if (index != z.argmax(1))[gap > 1e-2].any(): fault("not the highest score")
        if label.shape != (64,) or index.dtype != np.int64 or p.dtype != np.float32: fault("types")
        names = [10, 20, 30, -4, 500] if label.dtype == np.int64 else ["a,b", "", "\u00e4\u9b5a", "10", "e"]
        if list(label) != [names[i] for i in index]: fault("names", label[:3])
        for s in (one, two):
            for count in (1, 2, 3, 64):
                parts = [s.run(["probabilities"], {name: rows[i:i + count]})[0] for i in range(0, 64, count)]
                if (np.concatenate(parts) != p).any(): fault("bits in batches of", count)
        if s.run(None, {name: rows[:0]})[2].shape != (0, K): fault("no rows")
        if name == "features":
            odd = rows[:3].copy(); odd[0, 1] = np.nan; odd[1, 2] = np.inf; odd[2] = 0
            _, index, p = one.run(outputs, {name: odd})
            if not np.isfinite(p).all() or np.abs(p.sum(1) - 1).max() > 1e-5: fault("odd rows", p)
    print("done")
    """#
