"""The backbone with PyTorch, channels last: training epochs, then features of the test images."""

import time

import job
import torch
from torch import nn

options = job.arguments(["fp32", "bf16"])
torch.set_num_threads(options.threads)
torch.manual_seed(options.seed)
bf16 = options.kind == "bf16"


def main():
    rows = job.images(options.images, options.every)
    images, test = (
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        for pixels in (rows.train, rows.test)
    )
    labels = torch.from_numpy(rows.labels)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(64 * 12 * 12, job.FEATURES),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(job.FEATURES, job.CLASSES),
    )
    for layer in model:
        if hasattr(layer, "weight"):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    model = model.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adadelta(model.parameters(), lr=1.0, rho=job.RHO, eps=job.EPSILON)

    def epoch():
        order = torch.randperm(len(labels))
        start = time.perf_counter()
        for part in order.split(job.BATCH):
            x = images[part].contiguous(memory_format=torch.channels_last)
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = nn.functional.cross_entropy(model(x).float(), labels[part])
            loss.backward()
            optimiser.step()
        return time.perf_counter() - start

    # The first epoch warms up and is not counted.
    epoch_seconds = [epoch() for _ in range(options.epochs + 1)][1:]

    @torch.inference_mode()
    def outputs(layers):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return [layers(x) for x in test.split(1000)]

    model.eval()
    features = model[:9]
    outputs(features)
    feature_seconds, _ = job.timed(lambda: outputs(features))
    more = {}
    if options.whole:
        predicted = torch.cat(outputs(model)).argmax(1).numpy()
        more["accuracy"] = {"one_vs_all": round(float((predicted == rows.test_labels).mean()), 4)}
    job.report(job.backbone_figure(options, rows, epoch_seconds, feature_seconds, **more))


main()
