"""Asks a server of models as its users do; see Scripts/check-serving."""

import gzip
import json
import random
import struct
import subprocess
import sys
import urllib.error
import urllib.request


def fail(message, status=65):
    print(f"check-serving: {message}", file=sys.stderr)
    sys.exit(status)


def expect(condition, message):
    if not condition:
        fail(message)


def get(path):
    with urllib.request.urlopen(url + path, timeout=30) as answer:
        expect(answer.headers["Content-Type"] == "application/json", f"{path} is not JSON")
        return json.load(answer)


def post(body, headers=()):
    """Status and body of the answer to a request for predictions."""
    request = urllib.request.Request(
        f"{url}/v2/models/{model}/infer", body, dict(headers), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def values(body, name):
    return next(o["data"] for o in json.loads(body)["outputs"] if o["name"] == name)


def sample(metadata):
    """Three rows for the model's input: name, datatype, shape, numbers."""
    tensor = metadata["inputs"][0]
    shape = [3] + tensor["shape"][1:]
    count = 1
    for side in shape:
        count *= side
    source = random.Random(0)
    if tensor["datatype"] == "UINT8":
        return tensor["name"], "UINT8", shape, [source.randrange(256) for _ in range(count)]
    # Numbers that float32 holds, so that JSON and binary say the same.
    data = struct.unpack(f"<{count}f", struct.pack(f"<{count}f", *(
        source.random() for _ in range(count))))
    return tensor["name"], "FP32", shape, list(data)


def check_curl(name, datatype, shape, data):
    body = json.dumps({"inputs": [
        {"name": name, "datatype": datatype, "shape": shape, "data": data}]})
    try:
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--data", "@-",
             f"{url}/v2/models/{model}/infer"],
            input=body.encode(), capture_output=True, timeout=60, check=False)
    except FileNotFoundError:
        print("curl: not installed, left out")
        return
    expect(done.returncode == 0, f"curl: {done.stderr.decode()}")
    expect(values(done.stdout, "probabilities") == wanted["probabilities"], "curl: other numbers")
    print("curl: ok")


def check_plain(name, datatype, shape, data):
    """What is the reference for the others, and what must be refused."""
    tensor = {"name": name, "datatype": datatype, "shape": shape}
    body = json.dumps({"inputs": [tensor | {"data": data}]}).encode()
    status, answer, _ = post(body)
    expect(status == 200, f"status {status}: {answer[:300]}")
    for output in ("label", "label_index", "probabilities", "score"):
        wanted[output] = values(answer, output)
    expect(post(gzip.compress(body), {"Content-Encoding": "gzip"})[1] == answer, "gzip differs")
    packed = struct.pack("<" + ("B" if datatype == "UINT8" else "f") * len(data), *data)
    head = json.dumps({"inputs": [
        tensor | {"parameters": {"binary_data_size": len(packed)}}]}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    expect(post(head + packed, length)[1] == answer, "binary input differs")
    for bad in (b"", b"{", body[:-1], head + packed, json.dumps({"inputs": []}).encode()):
        status, answer, headers = post(bad)
        expect(status == 400, f"status {status} for {bad[:60]}")
        expect(isinstance(json.loads(answer)["error"], str), "an error is not a string")
        expect(headers["Content-Type"] == "application/json", "an error is not JSON")
    print("urllib: ok")


def check_triton(name, datatype, shape, data):
    try:
        import numpy
        import tritonclient.http as triton
    except ImportError as error:
        print(f"tritonclient: left out ({error})")
        return
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    expect(client.is_server_live() and client.is_server_ready(), "tritonclient: not ready")
    expect(client.is_model_ready(model), "tritonclient: the model is not ready")
    expect(not client.is_model_ready("no such model"), "tritonclient: any model is ready")
    expect(client.get_model_metadata(model)["name"] == model, "tritonclient: metadata")
    rows = numpy.array(data, "u1" if datatype == "UINT8" else "f4").reshape(shape)
    for binary_in in (True, False):
        for binary_out in (None, True, False):
            tensor = triton.InferInput(name, shape, datatype)
            tensor.set_data_from_numpy(rows, binary_data=binary_in)
            outputs = None if binary_out is None else [
                triton.InferRequestedOutput(output, binary_data=binary_out) for output in wanted]
            answer = client.infer(model, [tensor], outputs=outputs, request_id="7")
            expect(answer.get_response()["id"] == "7", "tritonclient: id")
            for output, expected in wanted.items():
                found = answer.as_numpy(output).ravel().tolist()
                found = [v.decode() if isinstance(v, bytes) else v for v in found]
                expect(found == expected, f"tritonclient: {output} differs")
    empty = triton.InferInput(name, [0] + shape[1:], datatype)
    empty.set_data_from_numpy(rows[:0])
    expect(client.infer(model, [empty]).as_numpy("label").shape == (0,), "tritonclient: no rows")
    tensor = triton.InferInput(name, shape, datatype)
    tensor.set_data_from_numpy(rows)
    for packing in ("gzip", "deflate"):
        answer = client.infer(model, [tensor], request_compression_algorithm=packing)
        expect(answer.as_numpy("score").tolist() == wanted["score"], f"tritonclient: {packing}")
    top = client.infer(
        model, [tensor], outputs=[triton.InferRequestedOutput("probabilities", class_count=2)])
    first = top.as_numpy("probabilities")[0, 0].decode().split(":", 2)
    expect(float(first[0]) == wanted["score"][0], "tritonclient: classification")
    for name in ("no such model", model):
        try:
            client.infer(name, [tensor], outputs=[triton.InferRequestedOutput("no such output")])
        except triton.InferenceServerException:
            continue
        fail("tritonclient: no error")
    print("tritonclient: ok")


def check_kserve(name, datatype, shape, data):
    try:
        import asyncio

        import numpy
        from kserve import InferInput, InferRequest, InferenceRESTClient, RESTConfig
    except ImportError as error:
        print(f"kserve: left out ({error})")
        return
    rows = numpy.array(data, "u1" if datatype == "UINT8" else "f4").reshape(shape)

    async def ask():
        client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
        expect(await client.is_server_live(url), "kserve: not live")
        expect(await client.is_server_ready(url), "kserve: not ready")
        expect(await client.is_model_ready(url, model), "kserve: the model is not ready")
        for binary in (False, True):
            tensor = InferInput(name, shape, datatype)
            tensor.set_data_from_numpy(rows, binary_data=binary)
            answer = await client.infer(
                url, InferRequest(model_name=model, infer_inputs=[tensor]), model_name=model)
            for output in answer.outputs:
                found = output.as_numpy().ravel().tolist()
                found = [v.decode() if isinstance(v, bytes) else v for v in found]
                expect(found == wanted[output.name], f"kserve: {output.name} differs")

    asyncio.run(ask())
    print("kserve: ok")


url = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000").rstrip("/")
wanted = {}
try:
    model = sys.argv[2] if len(sys.argv) > 2 else get("/v2/models")["models"][0]
    described = get(f"/v2/models/{model}")
except urllib.error.HTTPError as error:
    fail(f"{url} answers {error.code}: {error.read()[:300]}")
except OSError as error:
    fail(f"there is no server at {url}: {error}", 69)
rows = sample(described)
check_plain(*rows)
check_curl(*rows)
check_triton(*rows)
check_kserve(*rows)
