"""The machine as a measurement needs it: cores, who works on them, processes that end in time."""

import os
import resource
import signal
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Settings of a person's shell would make a peer slower than it is, or faster than it is elsewhere.
FOREIGN_SETTINGS = (
    *("BLIS_", "CUDA_", "DNNL_", "GOMP_", "GOTO_", "JAX_", "KERAS_", "KMP_", "LD_PRELOAD"),
    *("MALLOC_", "MANYHEADS_ISA", "MKL_", "NUMEXPR_", "NVPL_", "OMP_", "ONEDNN_", "OPENBLAS_"),
    *("PYTHONPATH", "PYTORCH_", "TCMALLOC_", "TF_", "TORCH_", "XLA_"),
)


class Failed(Exception):
    """One sentence about a measurement that gave nothing."""


def cpu_field(name):
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "an unknown CPU" if name == "model name" else ""


def cores_of_their_own(count):
    """So many of the CPUs that this process may use, of different cores where there are enough.

    No more than control groups grant time on, of which Scripts/compare-peers tells.
    """
    count = min(count, int(os.environ.get("MANYHEADS_CORES", count)))
    allowed, seen, first, rest = sorted(os.sched_getaffinity(0)), set(), [], []
    for cpu in allowed:
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = path.read_text() if path.exists() else str(cpu)
        (rest if core in seen else first).append(cpu)
        seen.add(core)
    return (first + rest)[:count]


def busy_seconds(cpus):
    """Seconds that these CPUs have worked since the system started, whoever it was for."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name[3:].isdigit() and name.startswith("cpu") and int(name[3:]) in cpus:
            # All but idle and waiting; guest time is counted in the first two already.
            total += sum(int(ticks[i]) for i in (0, 1, 2, 5, 6, 7))
    return total / os.sysconf("SC_CLK_TCK")


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def end_group(process):
    """Ends a process and all that it started, gently and then not."""
    for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def last_words(log):
    """The last line of an error output that says something."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def run(command, limit, cpus, environment):
    """Runs a command in a session of its own on these CPUs and returns its output.

    Throws Failed for a status that is not 0 and after `limit` seconds.
    """
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_SETTINGS)
    }
    clean |= {"PYTHONDONTWRITEBYTECODE": "1", "CUDA_VISIBLE_DEVICES": ""} | environment
    # A signal waits until the process is known: one that began and was not would outlive this one.
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    )

    def prepare():
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.sched_setaffinity(0, cpus)

    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=clean,
                start_new_session=True,
                preexec_fn=prepare,
            )
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            raise
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"not done in {limit} seconds") from None
        finally:
            end_group(process)
        if process.returncode:
            log.seek(0)
            said = last_words(log.read().decode(errors="replace"))
            raise Failed(f"status {process.returncode}: {said}")
    return output.decode(errors="replace")
